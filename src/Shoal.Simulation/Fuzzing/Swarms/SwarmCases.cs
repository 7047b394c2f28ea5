using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>
/// Makes a case from a seed: a small swarm in which everything may go wrong. The same seed gives the same case for ever, or a seed that
/// was noted down would mean something else: whoever changes this changes them all.
/// </summary>
internal sealed class SwarmCases
{
    private const string Anchor = "anchor";

    /// <summary>Of six seeds, this is a job.</summary>
    private const int JobRemainder = 5;

    /// <summary>And in this, some begin from a magnet link.</summary>
    private const int LinkRemainder = 1;

    /// <summary>Of four seeds, in this peers tell each other of others, and of eight look around, too.</summary>
    private const int ExchangeRemainder = 1;

    /// <summary>Of eight seeds, in this some links are encrypted (where messages go as bytes): a key exchange costs as much as a thousand events.</summary>
    private const int EncryptedOneOf = 8;

    private const int EncryptedRemainder = 6;

    private const int EncryptedPercent = 25;

    /// <summary>Blocks that all leechers together fetch, at most: a case takes a fraction of a second.</summary>
    private const int MostBlocks = 6000;

    private static readonly Behavior[] Culprits = [Behavior.Liar, Behavior.Corrupter, Behavior.FreeRider, Behavior.Slowloris];

    private readonly Prng _prng;
    private readonly List<PeerClass> _classes = [];
    private readonly List<Zone> _zones = [];
    private readonly List<Fault> _faults = [];

    private SwarmCases(ulong seed) => _prng = new Prng(seed);

    public static SwarmCase Of(ulong seed) => new SwarmCases(seed).Make(seed);

    private SwarmCase Make(ulong seed)
    {
        for (var i = _prng.Next(4); i > 0; i--)
        {
            _zones.Add(new Zone($"z{i}", Rate(200_000, 20_000_000), Rate(200_000, 20_000_000), Milliseconds(0, 80)));
        }

        _classes.Add(new PeerClass
        {
            Name = Anchor, IsSeeder = true, UpBytesPerSecond = Rate(100_000, 5_000_000), DownBytesPerSecond = 1_000_000, Latency = Milliseconds(1, 100),
        });
        var leechers = Leechers();
        AddOthers();
        var blockLength = 1 << (9 + _prng.Next(6));
        var blocks = 1 + _prng.Next(8);
        var pieces = Math.Clamp(1 + _prng.Next(Chance(3) ? 300 : 40), 1, Math.Max(1, MostBlocks / (leechers * blocks)));
        var length = ((long)pieces * blocks * blockLength) - _prng.Next(blocks * blockLength);
        // The time that it could take, so that faults strike while it is going on.
        var spread = 10 + (4.0 * length * leechers / _classes.Sum(peers => (double)peers.UpBytesPerSecond * peers.Count));
        AddFaults(Math.Min(spread, 600));
        var scenario = new Scenario
        {
            Name = $"fuzz {seed}",
            Seed = seed,
            ContentLength = length,
            PieceLength = blocks * blockLength,
            BlockLength = blockLength,
            Classes = _classes,
            Zones = _zones,
            Faults = _faults,
            Tracker = new TrackerModel { Interval = Seconds(30, 300), Latency = Milliseconds(1, 200) },
            Swarm = new SwarmModel
            {
                IsTrusted = Chance(5) && _classes.TrueForAll(peers => peers.Behavior != Behavior.FreeRider), // who is trusted gives
                TellsHoldersToo = seed % 3 != 0,
                MaximumConnectionCount = (2 * _classes.Sum(peers => peers.Behavior == Behavior.Honest ? 0 : peers.Count)) + 6 + _prng.Next(40),
                UploadSlotCount = 1 + _prng.Next(8),
            },
        };
        var adversity = Adverse(scenario, Math.Min(spread, 600));
        if (seed % 4 == ExchangeRemainder)
        {
            adversity = adversity with { HasEndpoints = true, ExchangesPeers = true, LooksAround = seed % 8 == ExchangeRemainder };
        }

        return (seed % 6) switch
        {
            JobRemainder => new SwarmCase(seed, [], Job(scenario), JobAdversity(adversity)),
            LinkRemainder => new SwarmCase(seed, [], scenario, adversity with { FromLinkPercent = 1 + _prng.Next(100) }),
            _ => new SwarmCase(seed, [], scenario, adversity),
        };
    }

    // The same network, with those peers and faults that a job knows; a segment is one block.
    private Scenario Job(Scenario scenario)
    {
        PeerClass[] classes = [.. scenario.Classes.Where(peers => peers.Behavior == Behavior.Honest).Select(peers => peers with
        {
            JoinAt = TimeSpan.Zero, JoinWithin = TimeSpan.Zero, StayAfterCompletion = null, MeanLifetime = null,
        })];
        return scenario with
        {
            PieceLength = scenario.BlockLength,
            Classes = classes,
            Faults = [.. scenario.Faults.Where(fault =>
                fault.Kind is FaultKind.SlowDisk or FaultKind.FullDisk && classes.Any(peers => peers.Name == fault.Class))],
            Swarm = new SwarmModel { Policy = (BalancePolicy)_prng.Next(Enum.GetValues<BalancePolicy>().Length), IsJob = true },
        };
    }

    // Links between ranks neither break nor cut messages, and a rank does not crash alone.
    private static Adversity JobAdversity(Adversity adversity) => adversity with
    {
        IsSplit = false, EncryptedPercent = 0, MeanLinkLifetime = null, SilentPercent = 0, IsTearing = false, HasEndpoints = false,
        ExchangesPeers = false, LooksAround = false,
    };

    // Those that are to complete.
    private int Leechers()
    {
        var sum = 0;
        for (var i = 1 + _prng.Next(3); i > 0; i--)
        {
            var peers = Some($"leechers{i}", 1 + _prng.Next(Chance(4) ? 18 : 6)) with
            {
                StayAfterCompletion = Chance(3) ? Seconds(0, 60) : null,
            };
            _classes.Add(peers);
            sum += peers.Count;
        }

        return sum;
    }

    private void AddOthers()
    {
        if (Chance(3))
        {
            _classes.Add(Some("seeders", 1 + _prng.Next(3)) with { IsSeeder = true, MeanLifetime = Chance(2) ? Seconds(5, 120) : null });
        }

        if (Chance(4))
        {
            _classes.Add(Some("churners", 1 + _prng.Next(6)) with { MeanLifetime = Seconds(5, 120) });
        }

        foreach (var behavior in Culprits)
        {
            if (Chance(4))
            {
                var isSeeder = behavior == Behavior.Corrupter && Chance(2);
                _classes.Add(Some($"{behavior}s".ToLowerInvariant(), 1 + _prng.Next(3)) with { Behavior = behavior, IsSeeder = isSeeder });
            }
        }
    }

    private PeerClass Some(string name, int count) => new()
    {
        Name = name,
        Count = count,
        UpBytesPerSecond = Rate(20_000, 10_000_000),
        DownBytesPerSecond = Rate(50_000, 20_000_000),
        Latency = Milliseconds(0, 200),
        JoinAt = Chance(2) ? TimeSpan.Zero : Seconds(0, 30),
        JoinWithin = Chance(2) ? TimeSpan.Zero : Seconds(0, 60),
        Zone = _zones.Count > 0 && !Chance(3) ? _zones[_prng.Next(_zones.Count)].Name : null,
        RackSize = Chance(6) ? 1 + _prng.Next(4) : 0,
        RackBytesPerSecond = Rate(200_000, 20_000_000),
        DiskBytesPerSecond = Rate(100_000, 1_000_000_000),
    };

    private void AddFaults(double spreadSeconds)
    {
        for (var i = _prng.Next(9); i > 0; i--)
        {
            var kind = (FaultKind)_prng.Next(5);
            if (kind == FaultKind.Partition && _zones.Count == 0)
            {
                kind = FaultKind.Crash;
            }

            var struck = _classes[1 + _prng.Next(_classes.Count - 1)]; // never the anchor
            var isOfPeers = kind is not (FaultKind.Partition or FaultKind.TrackerDown);
            _faults.Add(new Fault
            {
                Kind = kind,
                At = Ticks(0, spreadSeconds),
                Duration = Ticks(0.001, Chance(4) ? 120 : 15),
                Class = isOfPeers ? struck.Name : null,
                Count = isOfPeers ? 1 + _prng.Next(struck.Count) : 1,
                Zone = kind == FaultKind.Partition ? _zones[_prng.Next(_zones.Count)].Name : null,
            });
        }
    }

    private Adversity Adverse(Scenario scenario, double spreadSeconds) => new()
    {
        Jitter = Chance(2) ? Milliseconds(0, Chance(4) ? 2000 : 100) : TimeSpan.Zero,
        IsSplit = Chance(2),
        MeanLinkLifetime = Chance(2) ? Seconds(3, 120) : null,
        SilentPercent = Chance(2) ? _prng.Next(60) : 0,
        UnreadablePerTenThousand = Chance(3) ? _prng.Next(100) : 0,
        Until = Ticks(0, spreadSeconds),
        IsTearing = Chance(2),
        HasEndpoints = Chance(2),
        BufferBytes = Chance(2) ? (long)scenario.PieceLength! * (1 + _prng.Next(6)) : null,
        RequestDepth = Chance(3) ? 1 + _prng.Next(20) : null,
        Spared = Anchor,
        EncryptedPercent = scenario.Seed % EncryptedOneOf == EncryptedRemainder ? EncryptedPercent : 0,
        Linger = Chance(4) ? Seconds(0, 400) : TimeSpan.Zero,
    };

    // One time of so many.
    private bool Chance(int of) => _prng.Next(of) == 0;

    // As likely between 1 and 2 as between 10 and 20, by whole numbers alone.
    private long Rate(long least, long most)
    {
        var doublings = System.Numerics.BitOperations.Log2((ulong)(most / least));
        var floor = least << _prng.Next(doublings + 1);
        return Math.Min(most, floor + (long)(_prng.NextUInt64() % (ulong)floor));
    }

    private TimeSpan Milliseconds(int least, int most) => Ticks(least / 1000.0, most / 1000.0);

    private TimeSpan Seconds(int least, int most) => Ticks(least, most);

    // Odd, so that nothing happens at the very moment of something else but by chance.
    private TimeSpan Ticks(double leastSeconds, double mostSeconds)
    {
        var least = (long)(leastSeconds * TimeSpan.TicksPerSecond);
        var span = Math.Max(1, (long)((mostSeconds - leastSeconds) * TimeSpan.TicksPerSecond));
        return TimeSpan.FromTicks(least + (long)(_prng.NextUInt64() % (ulong)span));
    }
}
