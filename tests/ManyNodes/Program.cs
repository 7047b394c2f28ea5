using System.Globalization;
using System.Text;
using Shoal.Mpi;
using Shoal.Mpi.Copying;

namespace Shoal.ManyNodes;

/// <summary>
/// A copy on a cluster of many nodes, on one machine: each two ranks take themselves for a node. Arguments: SRC, DEST, and up to how
/// many copies all are linked with all. Prints how many links there are in all, and exits with 0 if every copy is whole.
/// </summary>
public static class Program
{
    public static int Main(string[] args)
    {
        using var world = MpiWorld.Start();
        world.Leaders = [.. Enumerable.Range(0, world.Size).Select(rank => rank / 2 * 2)];
        var options = new CopyOptions
        {
            Sources = [args[0]],
            Destination = args[1],
            FullMeshCount = int.Parse(args[2], CultureInfo.InvariantCulture),
        };
        var report = CopyJob.Run(world, options);
        if (world.Rank == 0)
        {
            int[] ranks = [.. Enumerable.Range(0, world.Size)];
            var count = ranks.Sum(rank => CopyLinks.CalledBy(rank, ranks, world.Leaders, options.FullMeshCount).Count());
            // Open MPI makes stdout a terminal, which Console would set up first.
            using var output = Console.OpenStandardOutput();
            output.Write(Encoding.ASCII.GetBytes($"{count}\n"));
        }

        return report.IsComplete ? 0 : 1;
    }
}
