using System.Diagnostics;
using System.Runtime.InteropServices;

// Each test starts up to nine processes, on few cores.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Shoal.Mpi.Tests;

/// <summary>What a run under mpirun said and how it ended.</summary>
internal sealed record MpiResult(int ExitCode, string Output, string Error, string Command)
{
    /// <summary>The lines of stderr that are ours; mpirun adds words of its own where the exit code is not 0.</summary>
    public IReadOnlyList<string> Complaints => [.. Error.Split('\n').Where(line => line.StartsWith("shoal: ", StringComparison.Ordinal))];

    /// <summary>Everything, for a failure message, with the command that repeats it.</summary>
    public override string ToString() => $"exit code {ExitCode}\n--- stdout\n{Output}\n--- stderr\n{Error}\n--- to repeat\n{Command}";
}

/// <summary>
/// Runs the built <c>shoal</c> under a real mpirun. A run that does not end is killed with all its processes, and the
/// failure names the command.
/// </summary>
internal static class Launcher
{
    public const string OpenMpi = "openmpi";
    public const string Mpich = "mpich";
    public const int InterruptSignal = 2;
    public const int KillSignal = 9;
    public const int TerminateSignal = 15;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>The program under test.</summary>
    public static string Program => BuiltCommand.Program;

    public static TheoryData<string> Both => [OpenMpi, Mpich];

    public static bool Has(string mpi) => Find($"mpirun.{mpi}") is not null;

    /// <summary>Skips the test, saying why, where this MPI is not installed.</summary>
    public static void Require(string mpi) =>
        Assert.SkipUnless(Has(mpi), $"there is no mpirun.{mpi} here (Debian: apt install {(mpi == OpenMpi ? "openmpi-bin" : "mpich")})");

    /// <summary>Runs <c>shoal</c> with the arguments on so many ranks.</summary>
    public static Task<MpiResult> RunAsync(
        string mpi, int ranks, IReadOnlyList<string> arguments, string? folder = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        Require(mpi);
        return RunProgramAsync([.. Mpirun(mpi), "-np", $"{ranks}", Program, .. arguments], folder, environment);
    }

    /// <summary>Runs <c>shoal</c> with different arguments on different ranks.</summary>
    public static Task<MpiResult> RunMixedAsync(string mpi, string? folder, params (int Ranks, string[] Arguments)[] parts)
    {
        Require(mpi);
        var words = parts.SelectMany((part, i) => (string[])[.. i == 0 ? [] : (string[])[":"], "-np", $"{part.Ranks}", Program, .. part.Arguments]);
        return RunProgramAsync([.. Mpirun(mpi), .. words], folder);
    }

    /// <summary>The launcher, as a test machine with few cores needs it.</summary>
    public static string[] Mpirun(string mpi) => [$"mpirun.{mpi}", .. mpi == OpenMpi ? (string[])["--allow-run-as-root", "--oversubscribe"] : []];

    /// <summary>As <see cref="TryStrikeAsync"/>, of what takes so long that it cannot be over before.</summary>
    public static async Task<MpiResult> StrikeAsync(
        string mpi, int ranks, IReadOnlyList<string> arguments, string folder, Func<bool> isTime, Action<int> strike)
    {
        var struck = await TryStrikeAsync(mpi, ranks, arguments, folder, isTime, strike);
        Assert.True(struck is not null, "it was faster than we are");
        return struck;
    }

    /// <summary>
    /// Starts <c>shoal</c> on so many ranks, strikes when it is time to, and returns what came of it; null if it was over before. Each
    /// rank writes its process id to <c>pid-RANK</c> in the folder first.
    /// </summary>
    /// <param name="isTime">Whether it is time; asked again and again.</param>
    /// <param name="strike">Gets the process id of mpirun.</param>
    public static async Task<MpiResult?> TryStrikeAsync(
        string mpi, int ranks, IReadOnlyList<string> arguments, string folder, Func<bool> isTime, Action<int> strike)
    {
        Require(mpi);
        var pid = 0;
        const string Script = "echo $$ >pid-${OMPI_COMM_WORLD_RANK-$PMI_RANK}; exec \"$@\"";
        var running = RunProgramAsync([.. Mpirun(mpi), "-np", $"{ranks}", "sh", "-c", Script, "sh", Program, .. arguments], folder, begun: id => pid = id);
        while (!isTime())
        {
            if (running.IsCompleted)
            {
                var result = await running;
                return result.ExitCode == 0 ? null : result;
            }

            await Task.Delay(2);
        }

        strike(pid);
        return await running;
    }

    /// <summary>Sends a signal to a process.</summary>
    public static void Signal(int processId, int signal) => _ = kill(processId, signal);

    /// <summary>Runs a program to its end.</summary>
    public static async Task<MpiResult> RunProgramAsync(
        IReadOnlyList<string> command, string? folder, IReadOnlyDictionary<string, string?>? environment = null, TimeSpan? limit = null,
        Action<int>? begun = null)
    {
        // In a session of its own, so that all of it can be ended.
        var start = new ProcessStartInfo("setsid", command)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>(StringComparer.Ordinal))
        {
            start.Environment[name] = value;
        }

        var text = string.Join(' ', (environment ?? new Dictionary<string, string?>(StringComparer.Ordinal)).Select(pair => $"{pair.Key}={Quote(pair.Value ?? "")}").Concat(command.Select(Quote)));
        text = $"cd {start.WorkingDirectory} && {text}";
        using var process = Process.Start(start)!;
        begun?.Invoke(process.Id);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var tooLong = new CancellationTokenSource(limit ?? Limit);
        try
        {
            await Task.WhenAll(output, error, process.WaitForExitAsync(tooLong.Token)).WaitAsync(tooLong.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            _ = kill(-process.Id, KillSignal);
            await Task.WhenAny(Task.WhenAll(output, error), Task.Delay(TimeSpan.FromSeconds(5)));
            Assert.Fail($"hung for {(limit ?? Limit).TotalSeconds} s\n{(output.IsCompleted ? await output : "")}\n{(error.IsCompleted ? await error : "")}\n--- to repeat\n{text}");
        }

        return new MpiResult(process.ExitCode, await output, await error, text);
    }

    private static string Quote(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "/._-=:".Contains(c)) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>The path of a program, or null.</summary>
    public static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':')
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

#pragma warning disable SYSLIB1054 // a source-generated import would ask for unsafe code in a test project
    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int kill(int processId, int signal);
#pragma warning restore SYSLIB1054
}
