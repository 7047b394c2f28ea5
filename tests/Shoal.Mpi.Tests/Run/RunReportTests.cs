using Shoal.Mpi.Jobs.Files;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>How even the load was.</summary>
public class RunReportTests
{
    [Theory]
    [InlineData(1.0, 1.0, 5, 5, 5, 5)]
    [InlineData(0.25, 4.0, 12, 0, 0, 0)]
    [InlineData(0.5, 2.0, 6, 6, 0, 0)]
    [InlineData(1.0, 1.0, 0, 0, 0, 0)]
    public void Jains_index_and_the_most_by_the_mean_are_of_the_peers_alone(double fairness, double most, params int[] uploads)
    {
        var report = new RunReport
        {
            Library = "",
            Balance = "swarm",
            MakespanSeconds = 1,
            Ranks = [Rank(0, 0), .. uploads.Select((upload, i) => Rank(i + 1, upload))],
        };
        Assert.Equal(fairness, report.Fairness, 9);
        Assert.Equal(most, report.MaximumOverMean, 9);
        Assert.Equal(new MessageTotal(uploads.Length + 1, 10 * (uploads.Length + 1)), report.Messages["control"]);
    }

    [Fact]
    public void A_job_without_peers_is_fair()
    {
        var report = new RunReport { Library = "", Balance = "swarm", MakespanSeconds = 0, Ranks = [Rank(0, 0)] };
        Assert.Equal(1, report.Fairness);
        Assert.Equal(1, report.MaximumOverMean);
    }

    private static RankReport Rank(int rank, long uploaded) => new(
        rank, 0, 0, 0, uploaded, 0, 0, 0,
        new Dictionary<string, MessageTotal>(StringComparer.Ordinal) { ["control"] = new(1, 10) }, JobFailure.None, []);
}
