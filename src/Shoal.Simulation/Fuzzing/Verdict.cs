namespace Shoal.Simulation.Fuzzing;

/// <summary>What a run comes to: whatever the engine throws is what is looked for.</summary>
internal static class Verdict
{
    /// <summary>What the run says is wrong, or what was thrown in it, in one line; null if nothing is.</summary>
    /// <param name="run">The run.</param>
    /// <param name="where">When and where it is.</param>
    public static string? Of(Func<string?> run, Func<string> where)
    {
        try
        {
            return run();
        }
        catch (SafetyException broken)
        {
            return $"{where()}: {broken.Message}";
        }
#pragma warning disable CA1031 // whatever the engine throws is what is looked for
        catch (Exception thrown)
#pragma warning restore CA1031
        {
            return $"{where()}: the engine throws {thrown.GetType().Name}: {thrown.Message}{Frame(thrown)}";
        }
    }

    // The first place in the engine, for whoever has to look there.
    private static string Frame(Exception thrown)
    {
        var line = thrown.StackTrace?.Split('\n').FirstOrDefault(frame => frame.Contains("Shoal.", StringComparison.Ordinal))?.Trim();
        return line is null ? "" : $" ({line})";
    }
}
