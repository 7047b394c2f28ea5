using System.Security.Cryptography;
using Shoal.Engine.Jobs;
using Shoal.Engine.Swarms;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Jobs;

/// <summary>
/// A job in memory: the real tracker and, for each rank, the real peer and session, joined by messages whose latency is
/// drawn anew each time. As under MPI, messages of one kind between two ranks keep their order, and no others do.
/// Everything happens in order of (time, sequence), so a seed gives the same run every time.
/// </summary>
internal sealed class JobWorld
{
    private readonly PriorityQueue<Action, (long Time, long Sequence)> _events = new();
    private readonly Dictionary<(int From, int To, string Kind), Instant> _lastArrivals = [];
    private readonly Dictionary<string, byte[]> _contents = new(StringComparer.Ordinal);
    private readonly List<(IReadOnlyList<JobFile> Owned, IReadOnlyList<string> Wanted, string? InputError)> _peers = [];
    private long _sequence;

    public JobWorld(BalancePolicy balance, ulong seed = 1)
    {
        Balance = balance;
        Prng = new Prng(seed);
    }

    public BalancePolicy Balance { get; }

    public Prng Prng { get; }

    public Instant Now { get; private set; }

    public JobTracker Tracker { get; private set; } = null!;

    public List<JobRank> Ranks { get; } = [];

    /// <summary>All messages beside links, in the order they were sent.</summary>
    public List<(int From, int To, JobMessage Message)> Mail { get; } = [];

    /// <summary>A file whose content follows from the text.</summary>
    public JobFile File(string name, int segmentCount, string? text = null)
    {
        const int Length = 32;
        var content = new byte[segmentCount * Length];
        var hashes = new byte[segmentCount * PieceHash.Sha1Length];
        for (var i = 0; i < segmentCount; i++)
        {
            SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{text ?? name} {i}"), content.AsSpan(i * Length));
            SHA1.HashData(content.AsSpan(i * Length, Length), hashes.AsSpan(i * PieceHash.Sha1Length));
        }

        _contents[name] = content;
        return new JobFile(name, content.Length, Length, hashes);
    }

    public byte[] ContentOf(string name) => _contents[name];

    /// <summary>One more rank, to be told before <see cref="Run"/>.</summary>
    public JobWorld Peer(IReadOnlyList<JobFile>? owned = null, IReadOnlyList<string>? wanted = null, string? inputError = null)
    {
        _peers.Add((owned ?? [], wanted ?? [], inputError));
        return this;
    }

    /// <summary>Makes all ranks and begins.</summary>
    public JobWorld Start()
    {
        Tracker = new JobTracker(_peers.Count, Balance, Prng.NextUInt64());
        for (var i = 0; i < _peers.Count; i++)
        {
            Ranks.Add(new JobRank(this, i + 1, _peers[i].Owned, _peers[i].Wanted, _peers[i].InputError));
        }

        foreach (var rank in Ranks)
        {
            Later(Latency(), rank.Drain);
        }

        DrainTracker();
        return this;
    }

    /// <summary>Runs until the job is over on every rank; fails if that takes too long.</summary>
    public JobWorld Run(double limitSeconds = 60)
    {
        if (Tracker is null)
        {
            Start();
        }

        var end = Now + TimeSpan.FromSeconds(limitSeconds);
        while (!Ranks.TrueForAll(rank => rank.Peer.IsOver))
        {
            Assert.True(Step(end), $"the job hangs after {Now}: {string.Join(", ", Ranks.Where(rank => !rank.Peer.IsOver).Select(rank => $"rank {rank.Rank}"))}");
        }

        Assert.True(Tracker!.IsOver);
        return this;
    }

    public bool Step(Instant end)
    {
        var timer = Ranks.Count == 0 ? Instant.Never : Ranks.Min(rank => rank.Deadline);
        var next = _events.TryPeek(out _, out var key) ? new Instant(key.Time) : Instant.Never;
        var at = Instant.Min(timer, next);
        if (at > end)
        {
            return false;
        }

        Now = at > Now ? at : Now;
        if (next <= timer)
        {
            _events.Dequeue()();
        }
        else
        {
            Ranks.First(rank => rank.Deadline == timer).Tell(new Input(InputKind.Timer));
        }

        return true;
    }

    public void Later(TimeSpan delay, Action action) => At(Now + delay, action);

    /// <summary>Brings something from rank to rank, after what was sent before of the same kind.</summary>
    public void Deliver(int from, int to, string kind, Action action)
    {
        var arrival = Now + Latency();
        var last = _lastArrivals.GetValueOrDefault((from, to, kind));
        arrival = last > arrival ? last : arrival;
        _lastArrivals[(from, to, kind)] = arrival;
        At(arrival, action);
    }

    public void Send(int from, int to, JobMessage message)
    {
        Mail.Add((from, to, message));
        Deliver(from, to, message is JobMessage.Load or JobMessage.LoadRequest ? "load" : "job", () =>
        {
            if (to != 0)
            {
                Ranks[to - 1].Tell(from, message);
                return;
            }

            Tracker.Handle(from, message);
            DrainTracker();
        });
    }

    public TimeSpan Latency() => TimeSpan.FromMicroseconds(5 + Prng.Next(100));

    /// <summary>Jain's index of what the ranks have uploaded: 1 is perfectly fair.</summary>
    public double Fairness(IEnumerable<int>? ranks = null)
    {
        var loads = (ranks ?? Ranks.Select(rank => rank.Rank)).Select(rank => (double)Ranks[rank - 1].Session.Load.UploadedCount).ToArray();
        return Math.Pow(loads.Sum(), 2) / (loads.Length * loads.Sum(load => load * load));
    }

    /// <summary>Every wanted file is at its rank, byte for byte, but for these.</summary>
    public void AssertAllArrived(params string[] exceptions)
    {
        foreach (var rank in Ranks)
        {
            foreach (var name in _peers[rank.Rank - 1].Wanted.Except(exceptions))
            {
                Assert.Equal(ContentOf(name), rank.DiskOf(name));
            }
        }
    }

    private void At(Instant time, Action action) => _events.Enqueue(action, (time.Nanoseconds, _sequence++));

    private void DrainTracker()
    {
        while (Tracker.TryPoll(out var mail))
        {
            Send(0, mail.Rank, mail.Message);
        }
    }
}
