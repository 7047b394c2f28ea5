namespace Shoal.Cli;

/// <summary>What the command's exit code says; the help of `shoal` shows the same list.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>What was asked for did not come about: `verify` found something off, a tracker refused.</summary>
    public const int Failed = 1;

    /// <summary>The command line, or a file or link it names, is wrong.</summary>
    public const int BadInput = 2;

    /// <summary>The machine stands in the way: a port in use, a folder that cannot be written, a full disk.</summary>
    public const int Environment = 3;

    /// <summary>Stopped by Ctrl-C or SIGTERM before it was done.</summary>
    public const int Interrupted = 130;
}

/// <summary>Something that the user can do something about: its message is one line that names what and where.</summary>
internal sealed class UserErrorException : Exception
{
    public UserErrorException(string message, int exitCode = Cli.ExitCode.BadInput, Exception? inner = null)
        : base(message, inner) => ExitCode = exitCode;

    /// <summary>With what the command ends.</summary>
    public int ExitCode { get; }

    /// <summary>Whether another process says so, and this one shall only end.</summary>
    public bool IsToldElsewhere { get; init; }

    /// <summary>Is called with the exit code once it was said; may end the process.</summary>
    public Action<int>? AfterTelling { get; init; }
}
