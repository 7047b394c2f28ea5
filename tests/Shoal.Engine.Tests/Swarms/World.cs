using System.Security.Cryptography;
using System.Text;
using Shoal.Engine.Swarms;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>
/// A small world in memory for real swarms: a virtual clock, links that carry messages with a latency, a disk of bytes
/// for each peer. Everything happens in order of (time, sequence), so a seed gives the same run every time. It checks
/// the contract as it goes: slots have one owner, nothing unverified is announced or served.
/// </summary>
internal sealed class World
{
    private readonly PriorityQueue<Action, (long Time, long Sequence)> _events = new();
    private long _sequence;

    public World(ulong seed, int totalLength, int pieceLength, int blockLength = 1024, string? info = null)
    {
        Prng = new Prng(seed);
        Layout = new PieceLayout(totalLength, pieceLength, blockLength);
        Content = new byte[totalLength];
        for (var i = 0; i < totalLength; i++)
        {
            Content[i] = (byte)Prng.NextUInt64();
        }

        Hashes = new byte[Layout.PieceCount * 20];
        for (var piece = 0; piece < Layout.PieceCount; piece++)
        {
            var index = new PieceIndex(piece);
            SHA1.HashData(Content.AsSpan((int)Layout.OffsetOf(index), Layout.LengthOf(index)), Hashes.AsSpan(piece * 20));
        }

        // What stands for an info dictionary here: anything whose hash is the info-hash.
        Info = info is null ? new byte[40_000] : Encoding.ASCII.GetBytes(info);
        for (var i = 0; i < Info.Length && info is null; i++)
        {
            Info[i] = (byte)Prng.NextUInt64();
        }

        InfoHash = new InfoHash(SHA1.HashData(Info));
    }

    public Prng Prng { get; }

    public PieceLayout Layout { get; }

    public byte[] Content { get; }

    public byte[] Hashes { get; }

    public byte[] Info { get; }

    public InfoHash InfoHash { get; }

    public Instant Now { get; private set; }

    public List<Host> Hosts { get; } = [];

    public TimeSpan Latency { get; set; } = TimeSpan.FromMilliseconds(5);

    public Host Add(bool isSeeder = false, Func<SwarmOptions, SwarmOptions>? options = null, bool knowsContent = true)
    {
        var host = new Host(this, Hosts.Count, isSeeder, options ?? (o => o), knowsContent);
        Hosts.Add(host);
        return host;
    }

    public void Later(TimeSpan delay, Action action) =>
        _events.Enqueue(action, ((Now + delay).Nanoseconds, _sequence++));

    /// <summary>Runs until the condition holds. False if it does not within the time.</summary>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        var end = Now + limit;
        while (!condition())
        {
            var timer = Hosts.Min(host => host.Deadline);
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
                Hosts.First(host => host.Deadline == timer).Tell(new Input(InputKind.Timer));
            }
        }

        return true;
    }
}
