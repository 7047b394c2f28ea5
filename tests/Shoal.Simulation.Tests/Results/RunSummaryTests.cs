using Shoal.Simulation.Results;

namespace Shoal.Simulation.Tests.Results;

public class RunSummaryTests
{
    private static readonly Simulation.Scenarios.Scenario Crowd = Made.Scenario(Made.Seeder(100), Made.Class("l", 4, 25, 1000));

    [Fact]
    public void A_run_in_figures()
    {
        var run = RunSummary.Of(Crowd, Made.Result(
            Made.Seed(uploaded: 1000), Made.Peer("l", 0, 20, 1000), Made.Peer("l", 0, 30, 500), Made.Peer("l", 0, 24, 1000), Made.Peer("l", 0, 22, 500, wasted: 100)));
        Assert.Equal((true, 4, 4, 30.0), (run.IsComplete, run.ExpectedCount, run.CompletedCount, run.LastCompletedSeconds));
        Assert.Equal(new Percentiles(20, 22, 30, 30, 30), run.Download);
        Assert.Equal(20 * Made.Line * (1 + Made.Acks), run.Bound!.Seconds, 6);
        Assert.Equal(1.5 / Made.Line / (1 + Made.Acks), run.BoundRatio!.Value, 4);
        Assert.Equal(0.9, run.Fairness); // 3000² / (4·2,500,000)
        Assert.Equal(0.25, run.SeederShare);
        Assert.Equal((4000L, 4100L, 100L), (run.UploadedBytes, run.DownloadedBytes, run.WastedBytes));
        Assert.Equal((250L, 2.5, 7), (run.AnnounceCount, run.AnnouncesPerSecond, run.PeakAnnouncesPerSecond));
        Assert.Equal([new CurvePoint(20, 1), new CurvePoint(22, 2), new CurvePoint(24, 3), new CurvePoint(30, 4)], run.Curve);
        Assert.Equal(("swarm", 100, "0000000000000abc"), (run.Policy, run.PieceLength, run.EventHash));
    }

    [Fact]
    public void Who_never_completes_is_the_slowest()
    {
        var run = RunSummary.Of(Crowd, Made.Result(
            Made.Seed(), Made.Peer("l", 0, 20), Made.Peer("l", 0, 30), Made.Peer("l", 0, null), Made.Peer("l", 0, null, isExpected: false)));
        Assert.Equal((false, 3, 2), (run.IsComplete, run.ExpectedCount, run.CompletedCount));
        Assert.Equal(new Percentiles(20, 30, null, null, null), run.Download);
        Assert.Equal((null, null), (run.LastCompletedSeconds, run.BoundRatio));
        Assert.Null(run.SeederShare);
        Assert.Null(run.Fairness);
        Assert.Equal((4, 2), (run.Classes[1].Count, run.Classes[1].CompletedCount));
    }

    [Fact]
    public void Times_count_from_each_ones_joining_and_the_ratio_from_the_firsts()
    {
        var run = RunSummary.Of(Crowd, Made.Result(Made.Seed(), Made.Peer("l", 10, 20), Made.Peer("l", 60, 85)));
        Assert.Equal((10.0, 25.0), (run.Download.P0, run.Download.P100));
        Assert.Equal(85, run.LastCompletedSeconds);
        Assert.Equal(Math.Round(75 / run.Bound!.DurationSeconds, 4), run.BoundRatio);
    }

    [Theory]
    [InlineData(1, 1, 1, 1, 1)]
    [InlineData(10, 5, 9, 10, 10)]
    [InlineData(100, 50, 90, 99, 100)]
    [InlineData(1000, 500, 900, 990, 1000)]
    public void Percentiles_are_by_nearest_rank(int count, double p50, double p90, double p99, double p100) => Assert.Equal(
        new Percentiles(1, p50, p90, p99, p100),
        Percentiles.Of([.. Enumerable.Range(1, count).Reverse().Select(i => Made.Peer("l", 0, i))]));

    [Fact]
    public void A_long_curve_is_thinned_and_keeps_its_ends()
    {
        var points = new CompletionCurve([.. Enumerable.Range(1, 10_000).Select(i => (double)i)], 10_000, 10_000).Points(200);
        Assert.Equal(200, points.Count);
        Assert.Equal((new CurvePoint(1, 1), new CurvePoint(10_000, 10_000)), (points[0], points[^1]));
        Assert.All(points, point => Assert.Equal(point.Seconds, point.CompletedCount));
    }

    [Fact]
    public void A_shared_links_use_is_what_it_carried_of_what_it_could()
    {
        var result = Made.Result(Made.Seed(), Made.Peer("l", 0, 20)) with { SharedLinks = [new SharedLinkResult("zone eu up", 50, 1250)] };
        Assert.Equal([new LinkSummary("zone eu up", 50, 1250, 0.25)], RunSummary.Of(Crowd, result).SharedLinks);
    }

    [Fact]
    public void The_table_of_peers_has_a_line_for_each()
    {
        var scenario = Made.Scenario(Made.Seeder(100), Made.Class("a,b \"c\"", 2, 25, 1000));
        var csv = PeerTable.Header + PeerTable.Lines(scenario, Made.Result(Made.Seed(1000), Made.Peer("a,b \"c\"", 1.5, 20.25, 10, 3), Made.Peer("a,b \"c\"", 2, null)));
        Assert.Equal(
            """"
            policy,job,piece_length,seed,peer,class,seeder,expected,joined_s,completed_s,download_s,uploaded_bytes,downloaded_bytes,wasted_bytes
            swarm,0,100,1,0,seeder,1,0,0,0,,1000,0,0
            swarm,0,100,1,1,"a,b ""c""",0,1,1.5,20.25,18.75,10,1003,3
            swarm,0,100,1,2,"a,b ""c""",0,1,2,,,0,0,0

            """",
            csv);
    }
}
