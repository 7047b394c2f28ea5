using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>A seeder that nobody asks for anything, while there are leechers, looks for them before the tracker's regular time.</summary>
public sealed class WastedSeederTests
{
    private const int PieceLength = 8 * 1024;
    private static readonly TimeSpan MinimumInterval = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(2, 5, true)]
    [InlineData(5, 5, false)] // where seeders are enough, leechers find one
    public void It_asks_the_tracker_again_where_leechers_are_more_than_seeders(int seeders, int leechers, bool asks)
    {
        var stage = Seeder();
        Answer(stage, seeders, leechers);
        stage.Wait(MinimumInterval - TimeSpan.FromSeconds(1));
        Assert.Single(stage.Announces); // no sooner than the tracker allows
        stage.Wait(TimeSpan.FromSeconds(2));
        Assert.Equal(asks ? 2 : 1, stage.Announces.Count);
        if (asks)
        {
            Assert.True(stage.Announces[1].WantedPeerCount > stage.Announces[0].WantedPeerCount);
        }
    }

    [Fact]
    public void Who_came_since_the_tracker_answered_counts()
    {
        var stage = Seeder();
        Answer(stage, seeders: 1, leechers: 0);
        stage.Join(1).HangUp();
        stage.Wait(2 * MinimumInterval);
        Assert.Single(stage.Announces); // one that has gone is no crowd
        stage.Join(2).HangUp();
        stage.Wait(TimeSpan.FromSeconds(1));
        Assert.Equal(2, stage.Announces.Count);
    }

    [Fact]
    public void It_asks_nobody_while_somebody_waits_for_a_slot()
    {
        var stage = Seeder(slots: 1);
        var (first, second) = (stage.Join(1), stage.Join(2));
        first.Send(PeerMessageKind.Interested);
        second.Send(PeerMessageKind.Interested);
        Answer(stage, seeders: 1, leechers: 9);
        stage.Wait(2 * MinimumInterval, each: () => Array.ForEach([first, second], Take));
        Assert.Single(stage.Announces);
    }

    private static Stage Seeder(int slots = 8)
    {
        var (stage, _) = Stage.Of(new World(1, 10 * PieceLength, PieceLength), haveCount: 10, options: o => o with
        {
            Trackers = [["http://tracker.example/announce"]], UploadSlotCount = slots,
        });
        Assert.Single(stage.Announces);
        return stage;
    }

    private static void Answer(Stage stage, int seeders, int leechers) => stage.Tell(new Input(InputKind.Announced, Detail: new AnnounceResult(
        stage.Announces[^1].Tracker, stage.Announces[^1].Kind, Interval: TimeSpan.FromMinutes(30), MinimumInterval: MinimumInterval,
        SeederCount: seeders, LeecherCount: leechers)));

    private static void Take(RawPeer peer)
    {
        peer.Ask(0, 0, 1024);
        peer.Take(1);
    }
}
