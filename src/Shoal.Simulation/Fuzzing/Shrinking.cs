namespace Shoal.Simulation.Fuzzing;

/// <summary>
/// Makes a failing case smaller while it still fails. From each case there is a list of smaller ones, always the same; the numbers of
/// those that were taken, in order, are the way from the seed's case to the shrunk one.
/// </summary>
internal static class Shrinking
{
    /// <summary>Cases that are tried at most.</summary>
    private const int MostTries = 300;

    /// <summary>The smallest case found that still fails, and how.</summary>
    /// <param name="failed">What failed.</param>
    /// <param name="run">Runs a case.</param>
    /// <param name="stop">Ends it: what was found by then is the smallest.</param>
    public static FuzzOutcome Shrink(FuzzOutcome failed, Func<FuzzCase, FuzzOutcome> run, CancellationToken stop = default)
    {
        var tries = 0;
        for (var isSmaller = true; isSmaller && tries < MostTries;)
        {
            isSmaller = false;
            foreach (var smaller in failed.Case.Smaller())
            {
                if (++tries > MostTries || stop.IsCancellationRequested)
                {
                    break;
                }

                if (run(smaller) is { Failure: not null } stillFailed)
                {
                    (failed, isSmaller) = (stillFailed, true);
                    break;
                }
            }
        }

        return failed;
    }

    /// <summary>Goes a way that <see cref="Shrink"/> found; null if there is no such way.</summary>
    public static FuzzCase? Follow(FuzzCase from, IEnumerable<int> way)
    {
        FuzzCase? at = from;
        foreach (var step in way)
        {
            at = at?.Smaller().FirstOrDefault(smaller => smaller.Shrunk[^1] == step);
        }

        return at;
    }
}
