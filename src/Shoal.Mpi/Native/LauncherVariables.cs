using System.Globalization;

namespace Shoal.Mpi.Native;

/// <summary>What launchers tell the processes that they start, whichever MPI these load.</summary>
internal static class LauncherVariables
{
    // Of Open MPI's mpirun; of MPICH's and of srun --mpi=pmi2; of srun, whatever its --mpi.
    private static readonly string[] Counts = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];

    /// <summary>How many ranks were started together; null if nothing tells.</summary>
    public static int? CountOf(Func<string, string?> variable) => Counts
        .Select(name => int.TryParse(variable(name), CultureInfo.InvariantCulture, out var count) && count > 0 ? count : (int?)null)
        .FirstOrDefault(count => count is not null);
}
