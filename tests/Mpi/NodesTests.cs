using System.Runtime.Versioning;
using System.Text.Json;

namespace Shoal.Mpi.Tests;

/// <summary>`shoal mpi copy` on several nodes, each with a name, network and disk of its own (the script <c>nodes</c>).</summary>
[SupportedOSPlatform("linux")]
public sealed class NodesTests
{
    private const int NodeCount = 3;

    public static TheoryData<string> Both => Launcher.Both;

    [Theory]
    [MemberData(nameof(Both))]
    public async Task One_rank_of_each_node_copies_and_each_node_gets_the_bytes_once(string mpi)
    {
        using var place = new CopyPlace();
        const int Length = 40_000_000;
        var result = await CopyAsync(place, mpi, Length, place.At("local"));

        var ranks = CopyPlace.Last(result).GetProperty("ranks").EnumerateArray().ToArray();
        Assert.Equal(["node1", "node2", "node3"], ranks.Select(rank => rank.GetProperty("node").GetString()));
        Assert.Equal([0, 2, 4], ranks.Select(rank => rank.GetProperty("rank").GetInt32()));
        var read = ranks.Sum(rank => rank.GetProperty("readBytes").GetInt64());
        Assert.Equal(Length, read);
        Assert.InRange(Bytes(result, "receivedBytes").Sum(), (NodeCount - 1) * (long)Length, (long)((NodeCount - 1) * 1.1 * Length));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task Two_ranks_of_a_node_fetch_from_other_nodes_about_one_copy_together(string mpi)
    {
        using var place = new CopyPlace();
        const int Length = 120_000_000;
        var result = await CopyAsync(place, mpi, Length, place.At("local/{rank}"));

        Assert.Equal(2 * NodeCount, CopyPlace.Last(result).GetProperty("doneCopies").GetInt32());
        // Each for itself would fetch twice as much. Until those of a node have met, each asks for what it finds.
        Assert.InRange(Bytes(result, "receivedBytes").Sum(), (NodeCount - 1) * (long)Length, (long)((NodeCount - 1) * 1.7 * Length));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task Every_node_helps_to_send(string mpi)
    {
        using var place = new CopyPlace();
        const int Count = 6;
        const int Length = 120_000_000;
        var result = await CopyAsync(place, mpi, Length, place.At("local"), Count, ranksPerNode: 1, rate: "200mbit", options: "--readers 1");

        // The reader must send one copy, and there are five to send; were everybody to ask it first, it would send most of them.
        var sent = Bytes(result, "sentBytes");
        Assert.InRange(sent.Max(), Length, 2 * (long)Length);
        Assert.InRange(sent.Min(), Length / 4, Length);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public async Task The_example_for_Slurm_copies_to_each_node(string mpi)
    {
        using var place = new CopyPlace();
        Launcher.Require(mpi);
        Assert.SkipUnless(
            ((string[])["slurmctld", "slurmd", "sbatch", "munged"]).All(program => Launcher.Find(program) is not null),
            "there is no Slurm here (Debian: apt install slurm-wlm munge libpmix-dev)");
        Assert.SkipUnless(
            mpi != Launcher.OpenMpi || File.Exists("/usr/lib/x86_64-linux-gnu/pmix2/lib/libpmix.so"), "Slurm has no PMIx here (Debian: apt install libpmix-dev)");
        var script = await ScriptAsync(place, NodeCount);
        var command = place.At("shoal");
        File.WriteAllText(command, $"#!/bin/sh\nexec '{Launcher.Program}' \"$@\"\n");
        File.SetUnixFileMode(command, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        place.Write("data", 10_000_000);

        var result = await Launcher.RunProgramAsync(
            [
                .. script, "sh", Path.Combine(AppContext.BaseDirectory, "slurm"), place.At("slurm"), "sh", "-c", """
                    cd "$1"
                    export PATH="$1:$PATH"
                    sbatch --wait --nodes=3 --output=said "$2" data local || { cat said; exit 1; }
                    cat said
                    for node in node1 node2 node3; do $NODES_RSH $node "cmp $1/data $1/local/data" || exit; done
                    """,
                "sh", place.Root, Path.Combine(AppContext.BaseDirectory, "copy.sbatch"),
            ],
            place.Root, new Dictionary<string, string?>(StringComparer.Ordinal) { ["SHOAL_MPI"] = mpi });

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("3 of 3 copies whole", result.Output);
    }

    /// <summary>The command that makes nodes for the one behind it.</summary>
    private static async Task<string[]> ScriptAsync(CopyPlace place, int count, string rate = "")
    {
        Assert.SkipUnless(Environment.UserName == "root", "to make nodes out of this machine one must be root");
        Assert.SkipUnless(
            Launcher.Find("ip") is not null && Launcher.Find("nsenter") is not null, "there is no ip or nsenter here (Debian: apt install iproute2)");
        string[] script = ["env", $"NODES_RATE={rate}", "sh", Path.Combine(AppContext.BaseDirectory, "nodes"), $"{count}", place.At("local")];
        var probe = await Launcher.RunProgramAsync([.. script, "true"], place.Root);
        Assert.SkipUnless(probe.ExitCode == 0, $"nodes cannot be made here: {probe.Error}");
        return script;
    }

    // The copies are compared on the nodes, whose disks are gone afterwards.
    private static async Task<MpiResult> CopyAsync(
        CopyPlace place, string mpi, int length, string destination, int count = NodeCount, int ranksPerNode = 2, string rate = "", string options = "")
    {
        Launcher.Require(mpi);
        var script = await ScriptAsync(place, count, rate);
        place.Write("data", length);
        string[] nodes = [.. Enumerable.Range(1, count).Select(i => $"node{i}")];
        var hosts = string.Join(',', nodes.Select(node => $"{node}:{ranksPerNode}"));
        var launch = mpi == Launcher.OpenMpi
            ? $"mpirun.openmpi --allow-run-as-root --mca plm_rsh_agent $NODES_RSH --mca pml ob1 --mca btl tcp,vader,self --host {hosts}"
            : $"mpirun.mpich -launcher ssh -launcher-exec $NODES_RSH -hosts {hosts}";
        var result = await Launcher.RunProgramAsync(
            [
                .. script, "sh", "-c", launch + $$"""
                     -np {{count * ranksPerNode}} "$1" mpi copy data "$2" --json --quiet {{options}} || exit
                    for node in {{string.Join(' ', nodes)}}; do
                        $NODES_RSH $node "ls -d $3/data $3/*/data 2>/dev/null | xargs -n 1 cmp $4" >&2 || exit
                    done
                    """,
                "sh", Launcher.Program, destination, place.At("local"), place.At("data"),
            ],
            place.Root);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }

    // What each node exchanged with the others.
    private static long[] Bytes(MpiResult result, string what) => [.. result.Output.Split('\n')
        .Where(line => line.StartsWith("{\"node\":", StringComparison.Ordinal))
        .Select(line => JsonDocument.Parse(line).RootElement.GetProperty(what).GetInt64())];
}
