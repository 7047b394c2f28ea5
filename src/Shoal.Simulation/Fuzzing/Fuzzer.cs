namespace Shoal.Simulation.Fuzzing;

/// <summary>
/// Looks for faults of the engine: random small swarms in which everything goes wrong, from seeds. The same seed in the same build does
/// the same, bit for bit. Thread-safe: each run has a world of its own.
/// </summary>
public static class Fuzzer
{
    /// <summary>The case of a seed, or what it was shrunk to; null if there is no such way to shrink it.</summary>
    public static FuzzCase? CaseOf(ulong seed, IReadOnlyList<int>? shrunk = null) => Shrinking.Follow(FuzzCases.Of(seed), shrunk ?? []);

    /// <summary>Makes and runs the case of a seed.</summary>
    public static FuzzOutcome Run(ulong seed) => FuzzRun.Run(FuzzCases.Of(seed));

    /// <summary>Runs a case.</summary>
    public static FuzzOutcome Run(FuzzCase fuzzCase) => FuzzRun.Run(fuzzCase);

    /// <summary>The smallest case found that fails like this one, or otherwise. Takes some hundred runs at most.</summary>
    /// <param name="failed">What failed.</param>
    /// <param name="stop">Ends it before its time: the smallest found by then is returned.</param>
    public static FuzzOutcome Shrink(FuzzOutcome failed, CancellationToken stop = default) =>
        Shrinking.Shrink(failed, fuzzCase => FuzzRun.Run(fuzzCase), stop);

    /// <summary>What failed, how to run it again, and what it was shrunk to, for whoever has to mend it.</summary>
    public static string Report(FuzzOutcome failed, FuzzOutcome shrunk)
    {
        ArgumentNullException.ThrowIfNull(failed);
        ArgumentNullException.ThrowIfNull(shrunk);
        var report = $"{failed.Failure}\nreplay: shoal simulate --fuzz {failed.Case.Arguments}\n";
        return shrunk.Case.Shrunk.Count == failed.Case.Shrunk.Count ? report + FuzzText.Of(shrunk.Case)
            : $"{report}shrunk: {shrunk.Failure}\nreplay: shoal simulate --fuzz {shrunk.Case.Arguments}\n{FuzzText.Of(shrunk.Case)}";
    }
}
