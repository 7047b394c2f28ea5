using System.Reflection;
using System.Runtime.InteropServices;

namespace Shoal.Cli;

/// <summary>Where `shoal` begins: asks for the version at once, all else through <see cref="App"/>; signals end it politely.</summary>
internal static class Program
{
    internal static string Version { get; } =
        typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private static async Task<int> Main(string[] args)
    {
        // Alone on its path, so that nothing is loaded for it.
        if (args is ["--version"])
        {
            Console.WriteLine($"shoal {Version}");
            return ExitCode.Ok;
        }

        using var stop = new CancellationTokenSource();
        void OnSignal(PosixSignalContext context)
        {
            if (stop.IsCancellationRequested && context.Signal != PosixSignal.SIGHUP)
            {
                // The second one means: now. Not of a terminal that was closed: the shell and the system each tell us.
                Environment.Exit(ExitCode.Interrupted);
            }

            context.Cancel = true;
            // Off this thread: what waits for the token may run for seconds, and the next signal must get through.
            _ = Task.Run(stop.Cancel);
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal);
        return await App.RunAsync(args, Surface.OfProcess(), stop.Token);
    }
}
