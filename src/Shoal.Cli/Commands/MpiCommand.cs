using System.CommandLine;
using System.Text;
using Shoal.Mpi;

namespace Shoal.Cli.Commands;

/// <summary>
/// `shoal mpi`: the commands that many ranks run together, started by mpirun or srun. All ranks agree on whether their command lines
/// are right before any does anything, so that a wrong one is told once, and no rank waits for one that has gone.
/// </summary>
internal static class MpiCommand
{
    private const string Name = "mpi";

    public static Command Create() => new(Name, "The swarm between the ranks of a cluster job; started by mpirun or srun")
    {
        MpiRunCommand.Create(),
        MpiCopyCommand.Create(),
    };

    /// <summary>Starts MPI, for a rank whose command line is right.</summary>
    /// <exception cref="MpiException">There is no MPI to start.</exception>
    /// <exception cref="UserErrorException">Another rank's command line is wrong.</exception>
    public static MpiWorld Start() => Agree(wrong: "");

    /// <summary>Has one rank say, for all, what is wrong with the command line; returns where no ranks can be spoken to.</summary>
    /// <exception cref="UserErrorException">All ranks know that it is wrong.</exception>
    public static void RefuseIfLaunched(Command command, string wrong)
    {
        if (MpiWorld.LaunchedCount() == 1 || !(command.Name == Name || command.Parents.Any(parent => parent.Name == Name)))
        {
            return;
        }

        try
        {
            _ = Agree(wrong);
        }
        catch (MpiException)
        {
            // Then each tells what it knows.
        }
    }

    /// <summary>
    /// Takes nothing for a path that looks like an option, or is empty: a slip of the pen must not become the name of a folder on every node.
    /// </summary>
    public static Argument<T> RefusingOptions<T>(this Argument<T> argument)
    {
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
            {
                result.AddError("a path is empty (a variable that is not set?)");
            }

            foreach (var token in result.Tokens.Where(token => token.Value is ['-', _, ..]))
            {
                result.AddError($"there is no option '{token.Value}' (a path that begins so is './{token.Value}')");
            }
        });
        return argument;
    }

    /// <summary>The same for an option's path.</summary>
    public static Option<string?> RefusingEmpty(this Option<string?> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
            {
                result.AddError($"the path of {option.Name} is empty (a variable that is not set?)");
            }
        });
        return option;
    }

    private static MpiWorld Agree(string wrong)
    {
        var world = MpiWorld.Start();
        var text = world.Gather(Encoding.UTF8.GetBytes(wrong)).Select(Encoding.UTF8.GetString).FirstOrDefault(said => said.Length > 0);
        return text is null ? world : throw Refusal(world, text);
    }

    /// <summary>What is thrown where all ranks know what is wrong: one of them says it, and all end MPI.</summary>
    public static UserErrorException Refusal(MpiWorld world, string text)
    {
        if (world.Rank == 0)
        {
            return new UserErrorException(text) { AfterTelling = world.End };
        }

        world.End(ExitCode.BadInput);
        return new UserErrorException(text) { IsToldElsewhere = true };
    }
}
