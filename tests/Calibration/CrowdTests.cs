using Shoal.Simulation;

// The processes of one crowd are enough for few cores.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Calibration;

/// <summary>
/// The simulated world against the real one: the same crowd with the same lines, once on virtual time, once as processes in network
/// namespaces. Times may be asserted here: lines are so slow that a busy machine hardly shows.
/// </summary>
public sealed class CrowdTests(ITestOutputHelper output)
{
    private const double Tolerance = 0.15;
    private const int SimulatedCount = 5;
    private const int RealCount = 3;

    [Fact]
    public Task Eight_peers_and_a_seeder_with_equal_lines_take_as_long_as_simulated() =>
        CompareAsync(new Crowd(new("seed", 1, Up: 20, Down: 50), new("get", 8, Up: 20, Down: 50)));

    [Fact]
    public Task Two_kinds_of_peers_take_as_long_as_simulated() =>
        CompareAsync(new Crowd(new("seed", 1, Up: 60, Down: 60), new("get-home", 4, Up: 10, Down: 50), new("get-office", 4, Up: 30, Down: 30)));

    private async Task CompareAsync(Crowd crowd)
    {
        await RealCrowd.RequireAsync();
        var simulated = Simulated(crowd);
        // One run is enough where it agrees; what the machine's other work may have spoiled is decided by three.
        List<Times> runs = [];
        do
        {
            var (times, bytes) = await RealCrowd.RunAsync(crowd);
            runs.Add(times);
            output.WriteLine($"real: {times}; MB sent/received: {bytes}");
        }
        while (runs.Count < RealCount && simulated.OffFrom(Times.Typical(runs)) > Tolerance);

        var real = Times.Typical(runs);
        Assert.True(simulated.OffFrom(real) <= Tolerance, $"simulated: {simulated}; real: {real} (of {string.Join(" / ", runs)})");
    }

    private Times Simulated(Crowd crowd)
    {
        List<Times> runs = [];
        for (var seed = 1ul; seed <= SimulatedCount; seed++)
        {
            var result = Simulator.Run(crowd.ToScenario(seed));
            Assert.True(result.IsComplete);
            runs.Add(Times.Of(result.Peers.Where(peer => peer.IsExpected).Select(peer => (peer.CompletedAt - peer.JoinedAt).TotalSeconds)));
            var bytes = string.Join(", ", result.Peers.Select(peer => $"{peer.Class} {peer.UploadedBytes / 1e6:F1}/{peer.DownloadedBytes / 1e6:F1}"));
            output.WriteLine($"simulated: {runs[^1]}; payload, MB sent/received: {bytes}");
        }

        return Times.Typical(runs);
    }
}
