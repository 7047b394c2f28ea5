using System.CommandLine;

namespace Shoal.Cli.Commands;

/// <summary>`shoal mpi`: the commands that many ranks run together, started by mpirun or srun.</summary>
internal static class MpiCommand
{
    public static Command Create() => new("mpi", "The swarm between the ranks of a cluster job; started by mpirun or srun")
    {
        MpiRunCommand.Create(),
        MpiCopyCommand.Create(),
    };
}
