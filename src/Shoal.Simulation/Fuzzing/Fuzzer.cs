using Shoal.Simulation.Fuzzing.Dht;
using Shoal.Simulation.Fuzzing.Routers;
using Shoal.Simulation.Fuzzing.Secrets;
using Shoal.Simulation.Fuzzing.Swarms;

namespace Shoal.Simulation.Fuzzing;

/// <summary>
/// Looks for faults of the engine: random small worlds in which everything goes wrong, from seeds. The same seed in the same build does
/// the same, bit for bit. Thread-safe: each run has a world of its own.
/// </summary>
public static class Fuzzer
{
    /// <summary>The case of a seed in a world, or what it was shrunk to; null if there is no such way to shrink it.</summary>
    public static FuzzCase? CaseOf(FuzzWorld world, ulong seed, IReadOnlyList<int>? shrunk = null) => Shrinking.Follow(Make(world, seed), shrunk ?? []);

    /// <summary>Runs a case.</summary>
    public static FuzzOutcome Run(FuzzCase fuzzCase)
    {
        ArgumentNullException.ThrowIfNull(fuzzCase);
        return fuzzCase.Run();
    }

    /// <summary>The smallest case found that fails like this one, or otherwise. Takes some hundred runs at most.</summary>
    /// <param name="failed">What failed.</param>
    /// <param name="stop">Ends it before its time: the smallest found by then is returned.</param>
    public static FuzzOutcome Shrink(FuzzOutcome failed, CancellationToken stop = default) =>
        Shrinking.Shrink(failed, fuzzCase => fuzzCase.Run(), stop);

    /// <summary>What failed, how to run it again, and what it was shrunk to, for whoever has to mend it.</summary>
    public static string Report(FuzzOutcome failed, FuzzOutcome shrunk)
    {
        ArgumentNullException.ThrowIfNull(failed);
        ArgumentNullException.ThrowIfNull(shrunk);
        var report = $"{failed.Failure}\nreplay: shoal simulate --fuzz {failed.Case.Arguments}\n";
        return shrunk.Case.Shrunk.Count == failed.Case.Shrunk.Count ? report + shrunk.Case.Text
            : $"{report}shrunk: {shrunk.Failure}\nreplay: shoal simulate --fuzz {shrunk.Case.Arguments}\n{shrunk.Case.Text}";
    }

    private static FuzzCase Make(FuzzWorld world, ulong seed) => world switch
    {
        FuzzWorld.Dht => DhtCases.Of(seed),
        FuzzWorld.Router => RouterCases.Of(seed),
        FuzzWorld.Secret => SecretCases.Of(seed),
        _ => SwarmCases.Of(seed),
    };
}
