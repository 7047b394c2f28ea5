using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Simulation.Fuzzing.Dht;

/// <summary>A node's machine as its driver sees it; a test puts a bug in its place.</summary>
internal interface IDhtMachine
{
    Instant Deadline { get; }

    NodeId Id { get; }

    DhtStatus Status { get; }

    void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet);

    void Tick(Instant now);

    bool TryPoll(out DhtOutput output);

    void AddNode(Instant now, PeerAddress address);

    bool TrySearch(Instant now, InfoHash infoHash, int? announcePort);

    long Find(Instant now, NodeId target, bool findsPeers, int? announcePort);

    DhtSnapshot Save();
}

/// <summary>The production machine.</summary>
internal sealed class DhtMachine(DhtNode node) : IDhtMachine
{
    public Instant Deadline => node.Deadline;

    public NodeId Id => node.Id;

    public DhtStatus Status => node.Status;

    public void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet) => node.Handle(now, from, packet);

    public void Tick(Instant now) => node.Tick(now);

    public bool TryPoll(out DhtOutput output) => node.TryPoll(out output);

    public void AddNode(Instant now, PeerAddress address) => node.AddNode(now, address);

    public bool TrySearch(Instant now, InfoHash infoHash, int? announcePort) => node.TrySearch(now, infoHash, announcePort);

    public long Find(Instant now, NodeId target, bool findsPeers, int? announcePort) => node.Find(now, target, findsPeers, announcePort);

    public DhtSnapshot Save() => node.Save();
}
