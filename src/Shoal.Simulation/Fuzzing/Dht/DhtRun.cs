using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Simulation.Fuzzing.Dht;

/// <summary>
/// Runs one DHT: honest nodes join by way of one that stays; as long as the weather lasts they come and go, announce and look for things. Then they have
/// <see cref="Settle"/> to find their feet, hostile hosts among them all the time. From then on, what one announces another must find.
/// </summary>
internal sealed class DhtRun : IDhtStreet
{
    /// <summary>A node that lost everybody joins again after five minutes and an eighth at the latest; then it hears of others.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMinutes(7);

    private static readonly TimeSpan Growth = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MeanActPause = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan RandomLookupPause = TimeSpan.FromSeconds(7);

    /// <summary>From the announces to the lookups, which begin one after the other, and to their end: more than any may take.</summary>
    private static readonly TimeSpan Gap = TimeSpan.FromSeconds(90);

    private readonly DhtPlan _plan;
    private readonly Func<IDhtMachine, IDhtMachine>? _plant;
    private readonly Agenda _agenda = new();
    private readonly List<HonestNode> _honest = [];
    private readonly Dictionary<PeerAddress, HonestNode> _byAddress = [];
    private readonly Dictionary<PeerAddress, HostileHost> _hostileByHost = [];
    private readonly List<HostileHost> _hostile = [];
    private readonly Dictionary<(HonestNode, long), PeerAddress> _sought = []; // by lookups that shall find it
    private HonestNode? _active;
    private int _hostCount;
    private int _foundCount;

    private DhtRun(DhtCase fuzzCase, Func<IDhtMachine, IDhtMachine>? plant) =>
        (_plan, _plant, Prng) = (fuzzCase.Plan, plant, new Prng(fuzzCase.Seed ^ 0x646874));

    public Instant Now => _agenda.Now;

    public Prng Prng { get; }

    public bool IsIPv6 => _plan.IsIPv6;

    public IReadOnlyList<HostileHost> Hostile => _hostile;

    private Instant QuietAt => Instant.Zero + _plan.Weather.Until;

    /// <param name="fuzzCase">What to run.</param>
    /// <param name="plant">Puts a bug before each node.</param>
    public static DhtOutcome Run(DhtCase fuzzCase, Func<IDhtMachine, IDhtMachine>? plant = null)
    {
        var run = new DhtRun(fuzzCase, plant);
        var failure = Verdict.Of(run.Play, run.Where);
        return new DhtOutcome(fuzzCase, failure, run._agenda.Hash, run._agenda.Count, run._foundCount);
    }

    public DhtContact SomeHonest() => _honest[Prng.Next(_honest.Count)] is var node ? new DhtContact(node.Checked.Id, node.Checked.Address) : default;

    public PeerAddress Nowhere() => DhtHost.AddressOf(100_000 + Prng.Next(20_000), IsIPv6, (ushort)(1 + Prng.Next(ushort.MaxValue)));

    public void Send(PeerAddress from, PeerAddress to, byte[] packet)
    {
        if (from == to)
        {
            _agenda.After(TimeSpan.FromMilliseconds(1), () => Arrive(from, to, packet)); // what a node tells itself sees no weather
            return;
        }

        _plan.Weather.Carry(_agenda, Prng, TimeSpan.FromMilliseconds(5 + Prng.Next(145)), packet, bytes => Arrive(from, to, bytes));
    }

    private string? Play()
    {
        Join();
        for (var i = 1; i < _plan.HonestCount; i++)
        {
            _agenda.At(Instant.Zero + (Growth * i / _plan.HonestCount), () => Join());
        }

        foreach (var mischief in _plan.Hostile)
        {
            var number = _hostCount++;
            var host = new HostileHost(this, _hostile.Count, DhtHost.AddressOf(number, IsIPv6), mischief);
            _hostile.Add(host);
            _hostileByHost.Add(host.Address.WithPort(0), host);
            Act(host);
        }

        Look();
        StirUp();
        _agenda.RunUntil(Instant.Max(QuietAt, Instant.Zero + Growth) + Settle);
        return TryLookups();
    }

    // What one announces another finds.
    private string? TryLookups()
    {
        var begin = Now;
        for (var i = 0; i < _plan.LookupCount; i++)
        {
            var (target, announcer, seeker) = (RandomId(), Prng.Next(_honest.Count), Prng.Next(_honest.Count - 1));
            seeker += seeker >= announcer ? 1 : 0;
            _agenda.At(begin + TimeSpan.FromSeconds(i), () => Find(_honest[announcer], target, announcePort: 0, sought: null));
            _agenda.At(begin + Gap + TimeSpan.FromSeconds(i), () => Find(_honest[seeker], target, null, _honest[announcer].Checked.Address));
        }

        _agenda.RunUntil(begin + Gap + TimeSpan.FromSeconds(_plan.LookupCount) + Gap);
        _active = null;
        return _sought.Count > 0 ? $"{_sought.Count} lookups do not come to an end"
            : _foundCount < LeastFound(_plan.LookupCount) ? $"{_foundCount} of {_plan.LookupCount} lookups find what an honest node announced"
            : null;
    }

    /// <summary>Of so many lookups, those that must find what they look for.</summary>
    private static int LeastFound(int count) => count * 3 / 4;

    private void Join()
    {
        var number = _hostCount++;
        var address = DhtHost.AddressOf(number, IsIPv6);
        var limits = new DhtLimits { HostSlotCount = 1024 };
        var options = new DhtOptions(address.Kind, Prng.NextUInt64(), (Prng.NextUInt64(), Prng.NextUInt64()))
        {
            Bootstrap = _honest.Count == 0 ? [] : [_honest[0].Checked.Address],
            IsReadOnly = _honest.Count > 0 && _honest.Count <= _plan.ReadOnlyCount,
            Limits = _honest.Count > _plan.ReadOnlyCount && _honest.Count <= _plan.ReadOnlyCount + _plan.NarrowCount ? Narrow(limits) : limits,
        };
        IDhtMachine machine = new DhtMachine(new DhtNode(options, Now));
        var node = new HonestNode(number, new CheckedDht(_plant?.Invoke(machine) ?? machine, address, options));
        if (_honest.Count > 0 && _plan.MeanLife > TimeSpan.Zero && Now < QuietAt)
        {
            _agenda.After(Chance(_plan.MeanLife), () => Leave(node));
        }

        _honest.Add(node);
        _byAddress.Add(address, node);
        Arm(node);
    }

    private DhtLimits Narrow(DhtLimits limits) => limits with
    {
        MaximumTorrentCount = 2 + Prng.Next(20),
        MaximumPeersPerTorrent = 1 + Prng.Next(5),
        MaximumPeerCount = 3 + Prng.Next(40),
        MaximumPeersPerHost = 1 + Prng.Next(10),
        MaximumPendingCount = 8 + Prng.Next(40),
        MaximumLookupCount = 2 + Prng.Next(6),
        MaximumSearchCount = 1 + Prng.Next(4),
        QueriesPerHostPerSecond = 2 + Prng.Next(20),
        QueriesPerHostBurst = 5 + Prng.Next(50),
        ReplyRateBytesPerSecond = 10_000 + Prng.Next(100_000),
    };

    // Without a word; another comes in its place.
    private void Leave(HonestNode node)
    {
        if (Now < QuietAt)
        {
            node.IsGone = true;
            _byAddress.Remove(node.Checked.Address);
            _honest.Remove(node);
            foreach (var key in _sought.Keys.Where(key => key.Item1 == node).ToArray())
            {
                _sought.Remove(key);
            }

            Join();
        }
    }

    // Something is announced or looked for, or somebody says where a node is, as long as the weather lasts.
    private void StirUp()
    {
        if (Now >= QuietAt)
        {
            return;
        }

        var node = _honest[Prng.Next(_honest.Count)];
        switch (Prng.Next(4))
        {
            case 0:
                Do(node, checkedNode => checkedNode.Search(Now, RandomId().ToInfoHash()));
                break;
            case 1:
                Do(node, checkedNode => checkedNode.AddNode(Now, SomeAddress()));
                break;
            default:
                Find(node, RandomId(), Prng.Next(2) == 0 ? 0 : null, sought: null);
                break;
        }

        _agenda.After(Chance(RandomLookupPause), StirUp);
    }

    private PeerAddress SomeAddress() => Prng.Next(3) switch
    {
        0 when _hostile.Count > 0 => _hostile[Prng.Next(_hostile.Count)].Address,
        1 => Nowhere(),
        _ => SomeHonest().Address,
    };

    private void Act(HostileHost host)
    {
        host.Act();
        _agenda.After(Chance(MeanActPause), () => Act(host));
    }

    private void Look()
    {
        foreach (var node in _honest)
        {
            _active = node;
            node.Checked.Look(Now);
        }

        _agenda.After(LookInterval, Look);
    }

    private void Find(HonestNode node, NodeId target, int? announcePort, PeerAddress? sought) => Do(node, checkedNode =>
    {
        var number = checkedNode.Find(Now, target, announcePort);
        if (number != 0 && sought is { } peer)
        {
            _sought.Add((node, number), peer);
        }
    });

    private void Arrive(PeerAddress from, PeerAddress to, byte[] packet)
    {
        if (_byAddress.TryGetValue(to, out var node))
        {
            _agenda.Note(node.Number, packet);
            Do(node, checkedNode => checkedNode.Handle(Now, from, packet));
        }
        else if (_hostileByHost.TryGetValue(to.WithPort(0), out var host))
        {
            host.Receive(from, to.Port, packet);
        }
    }

    private void Do(HonestNode node, Action<CheckedDht> deed)
    {
        _active = node;
        deed(node.Checked);
        while (node.Checked.TryPoll(out var output))
        {
            switch (output.Kind)
            {
                case DhtOutputKind.Send:
                    Send(node.Checked.Address, output.Address, output.Packet.ToArray());
                    break;
                case DhtOutputKind.PeerFound when _sought.TryGetValue((node, output.Lookup), out var peer) && peer == output.Address:
                    _foundCount++;
                    break;
                case DhtOutputKind.LookupEnded:
                    _sought.Remove((node, output.Lookup));
                    break;
                default:
                    break;
            }
        }

        Arm(node);
    }

    private void Arm(HonestNode node)
    {
        var deadline = Instant.Max(node.Checked.Deadline, Now);
        if (deadline < node.ArmedAt)
        {
            node.ArmedAt = deadline;
            _agenda.At(deadline, () => Wake(node, deadline));
        }
    }

    private void Wake(HonestNode node, Instant deadline)
    {
        if (!node.IsGone && node.ArmedAt == deadline)
        {
            node.ArmedAt = Instant.Never;
            Do(node, checkedNode => checkedNode.Tick(Now));
        }
    }

    private TimeSpan Chance(TimeSpan mean) => TimeSpan.FromTicks(Time.Chance.Exponential(Prng, mean.Ticks) + 1);

    private NodeId RandomId() => new(Mangle.Noise(NodeId.Length, Prng));

    private string Where() => $"at {(Now - Instant.Zero).TotalSeconds:F6} s{(_active is null ? "" : $", node {_active.Number}")}";

    private sealed class HonestNode(int number, CheckedDht node)
    {
        public int Number { get; } = number;

        public CheckedDht Checked { get; } = node;

        /// <summary>When it is woken next: an earlier timer than that is void.</summary>
        public Instant ArmedAt { get; set; } = Instant.Never;

        public bool IsGone { get; set; }
    }
}

/// <summary>What became of a DHT.</summary>
/// <param name="Case">The case.</param>
/// <param name="Failure">What went wrong, in one line; null if nothing did.</param>
/// <param name="EventHash">The hash of all events in their order.</param>
/// <param name="EventCount">How many events there were.</param>
/// <param name="FoundCount">Lookups in fair weather that found what they looked for.</param>
internal sealed record DhtOutcome(FuzzCase Case, string? Failure, ulong EventHash, long EventCount, int FoundCount)
    : FuzzOutcome(Case, Failure, EventHash, EventCount);
