using System.Buffers.Binary;
using Shoal.Engine;
using Shoal.Engine.Trackers;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>The production tracker behind some latency, that at times does not answer.</summary>
internal sealed class VirtualTracker(World world, TrackerModel model)
{
    /// <summary>The one tracker's name.</summary>
    public const string Name = "tracker";

    private static readonly long TimeOut = 15 * VirtualTime.Second;

    private readonly TrackerCore _core = new(
        new TrackerPolicy { Interval = model.Interval }, new TrackerCapacity(int.MaxValue, int.MaxValue), new Prng(world.Prng.NextUInt64()));

    private readonly byte[] _peers = new byte[TrackerCore.BufferLength(200)];

    /// <summary>Announces answered.</summary>
    public LoadMeter Announces { get; } = new();

    /// <summary>Whether it does not answer.</summary>
    public bool IsDown { get; set; }

    /// <summary>A peer announces.</summary>
    public void Announce(VirtualPeer peer, AnnounceOrder order) => world.Timeline.After(
        LatencyOf(peer), new Event(EventKind.Announce, peer, peer.Life, Detail: order));

    /// <summary>An announce has come in.</summary>
    public void Take(in Event happening)
    {
        var (peer, order) = (happening.Peer!, (AnnounceOrder)happening.Detail!);
        var delay = LatencyOf(peer);
        if (IsDown)
        {
            Answer(happening, TimeOut, new AnnounceResult(order.Tracker, order.Kind, "the tracker does not answer"));
            return;
        }

        Announces.Count(world.Now);
        var request = new AnnounceRequest(
            world.InfoHash, default, 0, peer.Address, order.UploadedBytes, order.DownloadedBytes, order.LeftBytes,
            order.Kind switch
            {
                AnnounceKind.Started => AnnounceEvent.Started,
                AnnounceKind.Completed => AnnounceEvent.Completed,
                AnnounceKind.Stopped => AnnounceEvent.Stopped,
                _ => AnnounceEvent.None,
            },
            order.WantedPeerCount);
        var answer = _core.Handle(world.Now, request, _peers);
        var peers = new PeerAddress[answer.PeerCount];
        for (var i = 0; i < peers.Length; i++)
        {
            var bytes = _peers.AsSpan(i * answer.PeerLength, answer.PeerLength);
            peers[i] = answer.PeerKind == PeerAddressKind.Rank ? PeerAddress.FromRank(BinaryPrimitives.ReadInt32BigEndian(bytes)) : PeerAddress.ReadCompact(bytes);
        }

        Answer(happening, delay, new AnnounceResult(
            order.Tracker, order.Kind, answer.Failure, TimeSpan.FromSeconds(answer.IntervalSeconds),
            TimeSpan.FromSeconds(answer.MinimumIntervalSeconds), null, answer.SeederCount, answer.LeecherCount, peers));
    }

    private long LatencyOf(VirtualPeer peer) => model.Latency.Nanoseconds() + world.Topology.LatencyToMiddle(peer.Path);

    private void Answer(in Event announce, long delay, AnnounceResult result) =>
        world.Timeline.After(delay, new Event(EventKind.Answer, announce.Peer, announce.Life, Detail: result));
}
