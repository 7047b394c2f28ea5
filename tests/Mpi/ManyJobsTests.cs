using System.Globalization;

namespace Shoal.Mpi.Tests;

/// <summary>
/// Jobs of mixed shapes under both MPIs and all policies, one after another: no wrong output, no hang. A few here; for as
/// many as wanted see <c>tests/Mpi/many-jobs</c>. A failure names the seed that makes the same job again.
/// </summary>
public class ManyJobsTests
{
    private const int DefaultCount = 20;

    private static readonly string[] Policies = ["swarm", "random", "least-requested", "least-uploaded", "tracker-polled"];

    [Fact]
    public async Task Jobs_of_all_shapes_come_out_right()
    {
        string[] mpis = [.. new[] { Launcher.OpenMpi, Launcher.Mpich }.Where(Launcher.Has)];
        Assert.SkipUnless(mpis.Length > 0, "there is neither mpirun.openmpi nor mpirun.mpich here");
        var count = Number("SHOAL_MANY_JOBS", DefaultCount);
        var first = Number("SHOAL_MANY_JOBS_SEED", 1);
        for (var seed = first; seed < first + count; seed++)
        {
            var (mpi, policy) = (mpis[seed % mpis.Length], Policies[seed / mpis.Length % Policies.Length]);
            await RunOneAsync(seed, mpi, policy);
            if (count > DefaultCount)
            {
                TestContext.Current.SendDiagnosticMessage($"{seed - first + 1} of {count} jobs right (the last: seed {seed}, {mpi}, {policy})");
            }
        }
    }

    private static async Task RunOneAsync(int seed, string mpi, string policy)
    {
        var random = new Random(seed);
        using var job = new Job();
        var peers = random.Next(1, 9);
        var files = random.Next(0, 12);
        var haveIt = new bool[files];
        for (var peer = 1; peer <= peers; peer++)
        {
            job.Peer(peer);
        }

        for (var file = 0; file < files; file++)
        {
            var segments = random.Next(6) switch { 0 => 0, 1 => 1, 2 => random.Next(200, 600), _ => random.Next(2, 60) };
            var owners = random.Next(4) == 0 ? random.Next(1, peers + 1) : 1;
            foreach (var owner in Enumerable.Range(1, peers).OrderBy(_ => random.Next()).Take(owners))
            {
                job.Owns(owner, $"file{file}", segments);
            }
        }

        for (var peer = 1; peer <= peers; peer++)
        {
            job.Wants(peer, [.. Enumerable.Range(0, files).Where(_ => random.Next(3) > 0).Select(file => $"file{file}").OrderBy(_ => random.Next())]);
        }

        var result = await job.RunAsync(mpi, "--balance", policy);
        Assert.True(
            result.ExitCode == 0 && job.WhatIsWrong().Count == 0,
            $"seed {seed} (SHOAL_MANY_JOBS=1 SHOAL_MANY_JOBS_SEED={seed}):\n{string.Join('\n', job.WhatIsWrong())}\n{result}");
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
