using System.Buffers.Binary;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Simulation.Faults;
using Shoal.Simulation.Jobs;
using Shoal.Simulation.Network;
using Shoal.Simulation.Peers;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation;

/// <summary>
/// One run of a scenario: the timeline and all that lives on it. Everything happens in order of (time, sequence) and all chance comes
/// from one generator, so the seed decides everything.
/// </summary>
internal sealed class World
{
    /// <summary>What a processor hashes.</summary>
    public const long HashBytesPerSecond = 1_000_000_000;

    private const int CorruptOneOf = 4;

    private readonly Scenario _scenario;
    private readonly byte[] _hashes;
    private readonly FaultBook _faults;
    private readonly Adversary? _adversary;
    private readonly Func<VirtualPeer, IProgram, IMachine, IMachine>? _wrap;
    private readonly VirtualNetwork _network;
    private readonly Foresight _foresight = new();
    private readonly Instant _limitAt;
    private ulong _eventHash = 0xcbf29ce484222325;

    /// <param name="scenario">What is run.</param>
    /// <param name="adversity">What the network and disks do beside the scenario's faults; null for nothing.</param>
    /// <param name="wrap">Puts something between a peer's program and its machine: what looks on, or a test's bug.</param>
    public World(Scenario scenario, Adversity? adversity = null, Func<VirtualPeer, IProgram, IMachine, IMachine>? wrap = null)
    {
        JobRules.Check(scenario, scenario.Name);
        (_scenario, _wrap, _limitAt) = (scenario, wrap, Instant.Zero + scenario.Limit);
        Prng = new Prng(scenario.Seed);
        _adversary = adversity is null ? null : new Adversary(this, adversity);
        Layout = Layouts.Of(scenario);
        InfoHash = new InfoHash(_adversary is { InfoBytes: { Length: > 0 } info } ? SHA1.HashData(info) : Bytes(InfoHash.Length));
        _hashes = Bytes(Layout.PieceCount * PieceHash.Sha1Length);
        _network = new VirtualNetwork(Timeline, Layouts.QuantumFor(scenario));
        Tracker = new VirtualTracker(this, scenario.Tracker);
        Topology = new Topology(scenario, _network);
        foreach (var (peerClass, path) in Topology.Paths)
        {
            Peers.Add(new VirtualPeer(this, Peers.Count, peerClass, path));
        }

        Job = scenario.Swarm.IsJob ? new VirtualJob(this, scenario) : null;
        _faults = new FaultBook(this, scenario, Topology);
        var joins = new JoinTimes(Prng);
        foreach (var peer in Peers)
        {
            Timeline.Add(joins.Next(peer.Class), new Event(EventKind.Join, peer));
            MissingCount += peer.IsExpected ? 1 : 0;
        }

        ExpectedCount = MissingCount;
    }

    public Prng Prng { get; }

    public Timeline Timeline { get; } = new();

    public Instant Now => Timeline.Now;

    public List<VirtualPeer> Peers { get; } = [];

    public PieceLayout Layout { get; }

    public InfoHash InfoHash { get; }

    public ReadOnlyMemory<byte> Hashes => _hashes;

    public Topology Topology { get; }

    public VirtualNetwork Network => _network;

    /// <summary>Null if network and disks are as good as the scenario says.</summary>
    public Adversary? Adversary => _adversary;

    public VirtualTracker Tracker { get; }

    /// <summary>What comes to the tracker: announces, or a job's letters.</summary>
    public LoadMeter TrackerLoad => Job?.TrackerLoad ?? Tracker.Announces;

    /// <summary>The job that it is; null of a torrent.</summary>
    public VirtualJob? Job { get; }

    /// <summary>Whether costly checks are made too.</summary>
    public bool IsThorough { get; init; }

    /// <summary>Leechers that are expected to complete.</summary>
    public int ExpectedCount { get; private set; }

    /// <summary>Those of them that have not.</summary>
    public int MissingCount { get; private set; }

    /// <summary>Pieces that leechers have got, all together.</summary>
    public long GotCount { get; private set; }

    public long EventCount { get; private set; }

    public ulong EventHash => _eventHash;

    public bool IsOver => IsDone || Timeline.NextAt > _limitAt;

    /// <summary>When it was over, or until when it has come.</summary>
    public Instant EndedAt => !IsDone && IsOver ? _limitAt : Now;

    private bool IsDone => Job?.IsOver ?? MissingCount == 0;

    /// <summary>Lets the next thing happen; false if nothing ever will.</summary>
    public bool Step()
    {
        if (!Timeline.TryTake(out var happening))
        {
            return false;
        }

        EventCount++;
        _foresight.Look(this);
        Record(happening);
        Handle(happening);
        return true;
    }

    public IMachine Wrap(VirtualPeer peer, IProgram program, IMachine machine) => _wrap is null ? machine : _wrap(peer, program, machine);

    /// <summary>Where the peer is found.</summary>
    public PeerAddress AddressOf(VirtualPeer peer) =>
        _adversary is { HasEndpoints: true } ? Adversary.EndpointOf(peer.Number) : PeerAddress.FromRank(peer.Rank);

    public SwarmOptions OptionsFor(VirtualPeer peer)
    {
        var options = PlainOptionsFor(peer);
        return _adversary is null ? options : _adversary.Narrow(options);
    }

    private SwarmOptions PlainOptionsFor(VirtualPeer peer) => new()
    {
        InfoHash = InfoHash,
        Trackers = [[VirtualTracker.Name]],
        Balance = _scenario.Swarm.Policy,
        IsTrusted = IsTrusting(peer),
        IsNear = IsTrusting(peer) && peer.Path.Rack >= 0 ? address => PeerAt(address).Path.Rack == peer.Path.Rack : null,
        MaximumConnectionCount = _scenario.Swarm.MaximumConnectionCount,
        TellsHoldersToo = _scenario.Swarm.TellsHoldersToo,
        UploadSlotCount = peer.Class.Behavior == Behavior.FreeRider ? 0 : _scenario.Swarm.UploadSlotCount,
    };

    // Who trusts all has slots for all: a free-rider does not.
    private bool IsTrusting(VirtualPeer peer) => _scenario.Swarm.IsTrusted && peer.Class.Behavior != Behavior.FreeRider;

    public PeerId IdOf(int number, int life)
    {
        var id = new byte[PeerId.Length];
        BinaryPrimitives.WriteInt32BigEndian(id, number);
        BinaryPrimitives.WriteInt32BigEndian(id.AsSpan(4), life);
        return new PeerId(id);
    }

    public PieceHash HashOf(PieceIndex piece, bool isRight) =>
        isRight ? new PieceHash(_hashes.AsSpan(piece.Value * PieceHash.Sha1Length, PieceHash.Sha1Length)) : default;

    /// <summary>Who is at the address. Nobody may look for the tracker there.</summary>
    public VirtualPeer PeerAt(PeerAddress address)
    {
        if (address.Kind != PeerAddressKind.Rank)
        {
            return Peers[Adversary.NumberAt(address)];
        }

        Safety.Require(address.Rank > 0, "the tracker is taken for a peer");
        return Peers[address.Rank - 1];
    }

    public long LatencyBetween(VirtualPeer from, VirtualPeer to) => Topology.LatencyBetween(from.Path, to.Path);

    public long DiskRateOf(VirtualPeer peer) => _faults.DiskRateOf(peer);

    /// <summary>Whether the peer must read the piece from its disk to upload it: it was there when the peer came, and takes time.</summary>
    public bool MustRead(VirtualPeer peer, PieceIndex piece) => peer.Disk.IsCold(piece) && _faults.MustRead(peer);

    public bool IsDiskFull(VirtualPeer peer) => _faults.IsDiskFull(peer);

    public void Send(LinkEnd end, in PeerMessage message)
    {
        if (!end.IsHungUp)
        {
            Deliver(end.Other, end.Latency, new Event(EventKind.Message, End: end.Other, Message: message));
        }
    }

    public void Upload(LinkEnd end, in BlockRequest block)
    {
        if (!end.IsHungUp && end.Owner.Class.Behavior != Behavior.Liar && _adversary?.FailsToRead(end, block) != true)
        {
            _network.Enqueue(end, block);
        }
    }

    /// <summary>The end calls the peer.</summary>
    public void Call(LinkEnd end, VirtualPeer other) =>
        Timeline.After(end.Latency, new Event(EventKind.Call, other, End: end));

    /// <summary>The end's owner ends the link: it hears so at once, the other side after what is on its way.</summary>
    public void HangUp(LinkEnd end)
    {
        if (end.IsHungUp)
        {
            return;
        }

        Reset(end, "hung up");
        if (end.Other is { } other)
        {
            Deliver(other, end.Latency, new Event(EventKind.Closed, End: other, Detail: "closed by the other side"));
        }
    }

    /// <summary>The link is gone for the end's owner; the other side hears nothing.</summary>
    public void Reset(LinkEnd end, string reason)
    {
        end.IsHungUp = true;
        _network.Close(end);
        Timeline.After(0, new Event(EventKind.Closed, End: end, Detail: reason));
    }

    public void Announce(VirtualPeer peer, AnnounceOrder order) => Tracker.Announce(peer, order);

    public void Got(VirtualPeer peer) => GotCount += peer.IsExpected ? 1 : 0;

    public void Completed(VirtualPeer peer)
    {
        MissingCount -= peer.IsExpected ? 1 : 0;
        if (peer.Class.StayAfterCompletion is { } stay)
        {
            Timeline.After(stay.Nanoseconds(), new Event(EventKind.Leave, peer));
        }
    }

    /// <summary>A peer that was to complete is gone for good before.</summary>
    public void GaveUp()
    {
        MissingCount--;
        ExpectedCount--;
    }

    /// <summary>The peer is there for the first time.</summary>
    public void Joined(VirtualPeer peer)
    {
        if (peer.Class.MeanLifetime is { } mean)
        {
            Timeline.After(Chance.Exponential(Prng, mean.Nanoseconds()), new Event(EventKind.Leave, peer));
        }
    }

    /// <summary>It happens now.</summary>
    public void Handle(in Event happening)
    {
        if (_faults.TryHold(happening))
        {
            return;
        }

        switch (happening.Kind)
        {
            case EventKind.Message when !happening.End!.IsClosed:
                happening.End.Driver.Receive(happening.End, happening.Message);
                break;
            case EventKind.Block when !happening.End!.IsClosed:
                happening.End.Driver.Receive(happening.End, happening.Message.Block, happening.Flag);
                break;
            case EventKind.BlockSent when happening.End!.Flow >= 0:
                Sent(happening.End);
                break;
            case EventKind.Shares:
                _network.Look();
                break;
            case EventKind.Bytes or EventKind.Mishap:
                _adversary!.Handle(happening);
                break;
            case EventKind.Call:
                Answer(happening.End!, happening.Peer!);
                break;
            case EventKind.Opened when !happening.End!.IsClosed:
                happening.End.Driver.Opened(happening.End);
                break;
            case EventKind.Closed:
                Close(happening.End!, (string)happening.Detail!);
                break;
            case EventKind.Join:
                happening.Peer!.Start();
                break;
            case EventKind.Leave:
                happening.Peer!.Leave();
                break;
            case EventKind.Announce:
                Tracker.Take(happening);
                break;
            case EventKind.Letter when happening.Peer is null:
                Job!.Take((JobLetter)happening.Detail!);
                break;
            case EventKind.FaultBegins or EventKind.FaultEnds:
                _faults.Handle(happening);
                break;
            default:
                happening.Peer?.Handle(happening);
                break;
        }
    }

    private void Sent(LinkEnd end)
    {
        var block = _network.Sent(end);
        var isCorrupt = end.Owner.Class.Behavior == Behavior.Corrupter && Prng.Next(CorruptOneOf) == 0;
        Deliver(end.Other, end.Latency, new Event(EventKind.Block, End: end.Other, Message: PeerMessage.Request(block), Flag: isCorrupt));
        end.Driver.Sent(end, block.Length);
    }

    private void Answer(LinkEnd caller, VirtualPeer callee)
    {
        if (caller.IsHungUp)
        {
            return;
        }

        if (callee.Driver is not { } driver)
        {
            Timeline.After(caller.Latency, new Event(EventKind.Closed, End: caller, Detail: "connection refused"));
            return;
        }

        Deliver(caller, caller.Latency, new Event(EventKind.Opened, End: caller));
        var accepted = driver.Accept(caller);
        _adversary?.Opened(accepted);
    }

    // What goes over one link keeps its order, whatever holds it up.
    private void Deliver(LinkEnd to, long latency, in Event happening)
    {
        if (_adversary is null)
        {
            Timeline.After(latency, happening);
        }
        else
        {
            _adversary.Deliver(to, latency, happening);
        }
    }

    private void Close(LinkEnd end, string reason)
    {
        end.IsHungUp = true;
        _network.Close(end);
        end.Driver.Closed(end, reason);
    }

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
        {
            bytes[i] = (byte)Prng.NextUInt64();
        }

        return bytes;
    }

    // Over what makes an event this one.
    private void Record(in Event happening)
    {
        var hash = _eventHash;
        Mix(ref hash, (ulong)Now.Nanoseconds);
        Mix(ref hash, ((ulong)happening.Kind << 56) | ((ulong)happening.Message.Kind << 48) | (happening.Flag ? 1UL << 40 : 0) | (uint)(happening.Peer?.Number ?? happening.End?.OwnerNumber ?? 0));
        Mix(ref hash, ((ulong)(uint)happening.Message.Piece.Value << 32) | (uint)happening.Message.Begin);
        if (happening.Detail is JobLetter letter)
        {
            Mix(ref hash, letter.Digest());
        }

        _eventHash = hash;
    }

    // A product carries upwards only: its upper half is brought down, or what differs high up would be lost.
    internal static void Mix(ref ulong hash, ulong value)
    {
        hash = (hash ^ value) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
    }
}
