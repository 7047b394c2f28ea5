using System.Globalization;
using Shoal.Mpi;
using Shoal.Mpi.Copying;

namespace Shoal.ManyNodes;

/// <summary>
/// A copy on a cluster of many nodes, on one machine: each two ranks take themselves for a node. Arguments: SRC, DEST, and up to how
/// many copies all are linked with all. Exits with 0 if every copy is whole.
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
        return CopyJob.Run(world, options).IsComplete ? 0 : 1;
    }
}
