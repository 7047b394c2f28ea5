using Shoal.Engine.Rates;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>Rates that are capped: the cap is kept, used up, shared, and costs no spinning.</summary>
public sealed class RateCapTests
{
    private const int PieceLength = 8 * 1024;
    private const int BlockLength = 1024;

    [Fact]
    public void A_large_block_under_a_cap_does_not_make_the_timer_spin()
    {
        const int large = 128 * 1024;
        var world = new World(1, 20 * large, large);
        var session = new Session(new SessionOptions(new PeerId(new byte[20]), 1) { UploadRateBytesPerSecond = 64 * 1024 });
        var id = session.Add(new SwarmOptions { InfoHash = world.InfoHash });
        var stage = new Stage(world, session);
        stage.KnowContent(20, id);
        stage.Tell(new Input(InputKind.Start, id));
        var peer = stage.Join();
        peer.Send(PeerMessageKind.Interested);
        for (var i = 0; i < 20; i++)
        {
            peer.Ask(i, 0, large);
        }

        var sent = 0;
        stage.Wait(TimeSpan.FromSeconds(20), () =>
        {
            sent += peer.Uploads.Count;
            peer.Take(100);
        });
        Assert.InRange(sent, 9, 12); // 20 s at half a block a second, and the burst
    }

    [Fact]
    public void A_download_cap_is_used_up_though_most_links_have_nothing_to_ask_for()
    {
        const int rate = 32 * 1024;
        var world = new World(1, 200 * PieceLength, PieceLength);
        var session = new Session(new SessionOptions(new PeerId(new byte[20]), 1) { DownloadRateBytesPerSecond = rate });
        var id = session.Add(new SwarmOptions { InfoHash = world.InfoHash, BufferBytes = 2 * PieceLength });
        var stage = new Stage(world, session);
        stage.KnowContent(0, id);
        stage.Tell(new Input(InputKind.Start, id));
        var peers = Enumerable.Range(1, 40).Select(i => stage.Join(i)).ToArray();
        foreach (var peer in peers)
        {
            // Each has the same two pieces alone, but for one that has all.
            peer.Send(peer == peers[^1] ? new PeerMessage(PeerMessageKind.HaveAll) : PeerMessage.Have(new PieceIndex(0)));
            peer.Send(PeerMessageKind.Unchoke);
        }

        var bytes = 0L;
        stage.Wait(TimeSpan.FromSeconds(20), () =>
        {
            foreach (var peer in peers)
            {
                var before = session.StatusOf(id)!.DownloadedBytes;
                peer.DeliverAll();
                bytes += session.StatusOf(id)!.DownloadedBytes - before;
            }
        });
        Assert.InRange(bytes, 18 * rate, (20 * rate) + TokenBurst(rate));
    }

    [Fact]
    public void Two_swarms_share_a_cap_fairly()
    {
        var worlds = new[] { new World(1, 100 * PieceLength, PieceLength), new World(2, 100 * PieceLength, PieceLength) };
        var session = new Session(new SessionOptions(new PeerId(new byte[20]), 1) { UploadRateBytesPerSecond = 40 * 1024 });
        var stage = new Stage(worlds[0], session);
        var ids = worlds.Select(world => session.Add(new SwarmOptions { InfoHash = world.InfoHash })).ToArray();
        foreach (var id in ids)
        {
            stage.KnowContent(100, id);
            stage.Tell(new Input(InputKind.Start, id));
        }

        var peers = worlds.Select((world, i) =>
        {
            var peer = stage.Come(i + 1);
            peer.Send(new Handshake(world.InfoHash, new PeerId(Enumerable.Repeat((byte)(i + 1), 20).ToArray()), true, true).ToMessage());
            peer.Send(PeerMessageKind.Interested);
            return peer;
        }).ToArray();
        var sent = new int[2];
        stage.Wait(TimeSpan.FromSeconds(60), () =>
        {
            for (var i = 0; i < 2; i++)
            {
                sent[i] += peers[i].Uploads.Count;
                peers[i].Take(1000);
                for (var n = 0; n < 100; n++)
                {
                    peers[i].Ask(n, 0, BlockLength);
                }
            }
        });
        Assert.InRange(sent[0] + sent[1], 60 * 38, 60 * 42 + 40);
        Assert.InRange(sent[1], sent[0] / 2, sent[0] * 2);
    }

    private static int TokenBurst(int rate) => Math.Max(rate / 4, TokenBucket.MinimumBurstBytes);
}
