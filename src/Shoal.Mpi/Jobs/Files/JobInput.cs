namespace Shoal.Mpi.Jobs.Files;

/// <summary>A file that a rank owns.</summary>
/// <param name="Name">Its name, which identifies it in the job.</param>
/// <param name="Line">Where in the input it is named, from 1.</param>
/// <param name="Hashes">Its segments' hashes; null where the rank shall cut and hash the real file itself (<c>auto</c>).</param>
/// <param name="HashLines">The line of each hash, where they are of real files, to be checked; else empty.</param>
public sealed record OwnedFile(string Name, int Line, SegmentHashes? Hashes, IReadOnlyList<int> HashLines);

/// <summary>A file that a rank wants.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Line">Where in the input it is named, from 1.</param>
public sealed record WantedFile(string Name, int Line);

/// <summary>What one rank's input says. No name occurs twice among the owned, nor among the wanted.</summary>
public sealed record JobInput
{
    /// <summary>The input of a rank that has none to do: rank 0.</summary>
    public static readonly JobInput None = new() { Path = "" };

    /// <summary>The file it stands in.</summary>
    public required string Path { get; init; }

    /// <summary>What the rank owns, in the order of the input.</summary>
    public IReadOnlyList<OwnedFile> Owned { get; init; } = [];

    /// <summary>What the rank wants, in the order of the input.</summary>
    public IReadOnlyList<WantedFile> Wanted { get; init; } = [];

    /// <summary>What is odd about the input but does no harm; each a line that names file and line.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>A line that says what, at which line of the input.</summary>
    public string At(int line, string what) => $"{Path}:{line}: {what}";
}

/// <summary>Something that the user can do something about: the message is one line that names what and where.</summary>
public sealed class JobException(string message, JobFailure kind = JobFailure.Input) : Exception(message)
{
    /// <summary>What kind of thing went wrong.</summary>
    public JobFailure Kind => kind;
}

/// <summary>What kind of thing went wrong; the greater is the worse, so that ranks agree on the greatest.</summary>
public enum JobFailure
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Some of what was wanted did not come about: a file that nobody has, a full disk.</summary>
    Partial,

    /// <summary>The input is wrong.</summary>
    Input,

    /// <summary>The machine stands in the way.</summary>
    Environment,
}
