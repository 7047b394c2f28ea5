using Shoal.Engine.Swarms;

namespace Shoal.Engine.Jobs;

/// <summary>
/// The tracker of a job, at rank 0; the peers are ranks 1 and up. Acknowledges nobody before all have registered, hands
/// out hashes and swarms, in the order that the policy wants, and says stop when everybody is done. After each call, poll
/// until there is nothing more. Needs no time. Nothing is ever downloaded from it.
/// Invariant: every peer gets exactly one Stop, as the last that the tracker ever says to it.
/// </summary>
public sealed class JobTracker
{
    private readonly int _peerCount;
    private readonly BalancePolicy _balance;
    private readonly Queue<JobMail> _outputs = new();
    private readonly JobFiles _files;
    private readonly LoadPoll _poll;
    private readonly long[] _requestCounts; // by rank
    private readonly SortedDictionary<string, SortedSet<int>> _fetching = new(StringComparer.Ordinal);
    private readonly SortedSet<int> _answered = [];
    private readonly SortedSet<int> _ended = [];
    private readonly List<(int Rank, JobFile File)> _registered = [];
    private readonly SortedSet<string> _failures = new(StringComparer.Ordinal);

    /// <summary>A tracker for so many peers. Without peers the job is over at once.</summary>
    public JobTracker(int peerCount, BalancePolicy balance, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(peerCount);
        _peerCount = peerCount;
        _balance = balance;
        _files = new JobFiles(peerCount, new Prng(seed));
        _poll = new LoadPoll(peerCount, Send);
        _requestCounts = new long[peerCount + 1];
        if (peerCount == 0)
        {
            Stop(isRefused: false);
        }
    }

    /// <summary>Whether Stop has been said, or is still to be polled.</summary>
    public bool IsOver => Outcome is not null;

    /// <summary>How the job ended, as all peers are told; null before that.</summary>
    public JobMessage.Stop? Outcome { get; private set; }

    /// <summary>Takes the next message to send.</summary>
    public bool TryPoll(out JobMail mail) => _outputs.TryDequeue(out mail);

    /// <summary>A peer sent a message.</summary>
    /// <exception cref="InvalidOperationException">The message has no place in a tracker: the peer runs another program.</exception>
    public void Handle(int rank, JobMessage message)
    {
        if (IsOver)
        {
            return; // crossed with Stop
        }

        switch (message)
        {
            case JobMessage.Register register:
                _registered.AddRange(register.Owned.Select(file => (rank, file)));
                Answered(rank);
                break;
            case JobMessage.Refuse refuse:
                _failures.Add(refuse.Reason);
                Answered(rank);
                break;
            case JobMessage.HashesRequest request:
                TellHashes(rank, request.File);
                break;
            case JobMessage.SwarmRequest request when _balance == BalancePolicy.TrackerPolled:
                _poll.Ask(rank, request.File);
                break;
            case JobMessage.SwarmRequest request:
                TellSwarm(rank, request.File, _requestCounts);
                break;
            case JobMessage.Requested requested:
                foreach (var (holder, count) in requested.Requests)
                {
                    _requestCounts[holder] += count;
                }

                break;
            case JobMessage.Load load:
                _poll.Loaded(rank, load, TellSwarm);
                break;
            case JobMessage.FileComplete complete:
                _fetching[complete.File].Remove(rank);
                _files.Complete(rank, complete.File);
                break;
            case JobMessage.FileFailed failed:
                Failed(failed);
                break;
            case JobMessage.AllComplete:
                if (_ended.Add(rank) && _ended.Count == _peerCount)
                {
                    Stop(isRefused: false);
                }

                break;
            default:
                throw new InvalidOperationException($"rank {rank} sent {message.GetType().Name} to the tracker");
        }
    }

    private void Answered(int rank)
    {
        if (!_answered.Add(rank))
        {
            throw new InvalidOperationException($"rank {rank} registered twice");
        }

        if (_answered.Count < _peerCount)
        {
            return;
        }

        // In the order of ranks, whoever came first: an error is to read the same each time.
        foreach (var (owner, file) in _registered.OrderBy(entry => entry.Rank))
        {
            if (_files.Add(owner, file) is { } conflict)
            {
                _failures.Add(conflict);
            }
        }

        _registered.Clear();
        if (_failures.Count > 0)
        {
            Stop(isRefused: true);
            return;
        }

        SendAll(new JobMessage.Registered());
    }

    private void TellHashes(int rank, string name)
    {
        if (_files.Find(name) is not { } file)
        {
            Miss(rank, name, $"rank {rank} wants '{name}', which no rank has");
        }
        else if (!_files.HasSeeder(name))
        {
            Miss(rank, name, $"rank {rank} wants '{name}', which no rank has any more");
        }
        else
        {
            if (!_fetching.TryGetValue(name, out var ranks))
            {
                _fetching.Add(name, ranks = []);
            }

            ranks.Add(rank);
            Send(rank, new JobMessage.Hashes(file));
        }
    }

    private void TellSwarm(int rank, string name, long[] counts)
    {
        if (!_fetching.TryGetValue(name, out var ranks) || !ranks.Contains(rank))
        {
            return; // it has failed meanwhile, and the rank will hear so
        }

        var holders = _files.Join(rank, name);
        Send(rank, new JobMessage.Swarm(name, _balance is BalancePolicy.LeastRequested or BalancePolicy.TrackerPolled
            ? [.. holders.OrderBy(holder => counts[holder])]
            : holders));
    }

    private void Failed(JobMessage.FileFailed failed)
    {
        _failures.Add(failed.Reason);
        _files.Leave(failed.Rank, failed.File);
        if (!_fetching.TryGetValue(failed.File, out var ranks))
        {
            return;
        }

        ranks.Remove(failed.Rank);
        if (!_files.HasSeeder(failed.File))
        {
            foreach (var rank in ranks)
            {
                Miss(rank, failed.File, $"rank {rank} wants '{failed.File}', which no rank has any more");
                _files.Leave(rank, failed.File);
            }

            ranks.Clear();
        }
    }

    private void Miss(int rank, string name, string reason)
    {
        _failures.Add(reason);
        Send(rank, new JobMessage.Unavailable(name, reason));
    }

    private void Stop(bool isRefused)
    {
        Outcome = new JobMessage.Stop(isRefused, [.. _failures]);
        SendAll(Outcome);
    }

    private void SendAll(JobMessage message)
    {
        for (var rank = 1; rank <= _peerCount; rank++)
        {
            Send(rank, message);
        }
    }

    private void Send(int rank, JobMessage message) => _outputs.Enqueue(new JobMail(rank, message));
}
