namespace Shoal.Simulation.Fuzzing;

/// <summary>One thing to try in some world. Immutable: it can be run again and again, and does the same.</summary>
/// <param name="Seed">The seed it was made from.</param>
/// <param name="Shrunk">Which way it was shrunk since: a number for each step (see <see cref="Shrinking"/>).</param>
public abstract record FuzzCase(ulong Seed, IReadOnlyList<int> Shrunk)
{
    /// <summary>Where it is run.</summary>
    public abstract FuzzWorld World { get; }

    /// <summary>What follows `shoal simulate --fuzz` to run it again.</summary>
    public string Arguments =>
        $"--world {FuzzWorlds.NameOf(World)} --seed {Seed}{(Shrunk.Count == 0 ? "" : $" --shrunk {string.Join('.', Shrunk)}")}";

    /// <summary>What it is, as JSON.</summary>
    public abstract string Text { get; }

    /// <summary>Runs it.</summary>
    internal abstract FuzzOutcome Run();

    /// <summary>The next smaller cases, always the same; what takes most away comes first, and the last number of the way of each is its place.</summary>
    internal abstract IEnumerable<FuzzCase> Smaller();
}

/// <summary>What became of a case.</summary>
/// <param name="Case">The case.</param>
/// <param name="Failure">What went wrong, in one line; null if nothing did.</param>
/// <param name="EventHash">The hash of all events in their order.</param>
/// <param name="EventCount">How many events there were.</param>
public record FuzzOutcome(FuzzCase Case, string? Failure, ulong EventHash, long EventCount);
