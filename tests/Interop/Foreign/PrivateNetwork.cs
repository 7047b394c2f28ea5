using System.ComponentModel;

namespace Shoal.Interop.Foreign;

/// <summary>
/// A network namespace with nothing in it but 127.0.0.1: who runs inside reaches nobody outside, whatever it tries. It is gone when the
/// last process and socket in it is.
/// </summary>
internal static class PrivateNetwork
{
    private static readonly Lazy<string?> Refusal = new(Try);

    /// <summary>Why this machine gives no such network; null when it does.</summary>
    public static string? WhyNot => Refusal.Value;

    /// <summary>Runs <paramref name="work"/> inside of a new network.</summary>
    public static async Task RunAsync(Func<Task> work)
    {
        using var thread = NetworkThread.InNew();
        await thread.RunAsync(work).ConfigureAwait(false);
    }

    private static string? Try()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "a network of one's own needs Linux";
        }

        try
        {
            RunAsync(static () => Task.CompletedTask).GetAwaiter().GetResult();
            return null;
        }
        catch (Win32Exception problem)
        {
            return $"no network of one's own can be made here (it takes root): {problem.Message}";
        }
    }
}
