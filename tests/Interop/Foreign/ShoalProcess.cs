using System.Text.Json;
using System.Text.Json.Nodes;

namespace Shoal.Interop.Foreign;

/// <summary>
/// The <c>shoal</c> command under test, asked for JSON lines. Everything that depends on the wording of its
/// command line and of its events stands in this file.
/// </summary>
internal sealed class ShoalProcess : IAsyncDisposable
{
    private readonly List<JsonObject> _events = [];
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = NewSignal();
    private ChildProcess? _process;

    private ShoalProcess()
    {
    }

    public int ProcessId => Process.Id;

    public ChildProcess Process => _process ?? throw new InvalidOperationException("not started");

    /// <summary>Starts <c>shoal</c> with the given arguments in <paramref name="workingDirectory"/>.</summary>
    public static ShoalProcess Start(string workingDirectory, params string[] arguments)
    {
        var shoal = new ShoalProcess();
        var (file, first) = Command();
        shoal._process = ChildProcess.Start(
            "shoal " + arguments.FirstOrDefault(), file, [.. first, .. arguments], workingDirectory, shoal.Accept);
        return shoal;
    }

    /// <summary>The first event, past or to come, that satisfies <paramref name="wanted"/>.</summary>
    public async Task<JsonObject> EventAsync(string name, CancellationToken cancellation)
    {
        var exited = Process.WaitForExitAsync(cancellation);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_events.Find(one => NameOf(one) == name) is { } found)
                {
                    return found;
                }

                changed = _changed.Task;
            }

            if (exited.IsCompletedSuccessfully)
            {
                throw new InvalidOperationException($"shoal ended without the event \"{name}\"");
            }

            await Task.WhenAny(changed, exited).WaitAsync(cancellation);
        }
    }

    /// <summary>Waits for the end and fails unless the exit code is 0.</summary>
    public async Task SucceedAsync(CancellationToken cancellation)
    {
        await Process.WaitForExitAsync(cancellation);
        if (Process.ExitCode != 0)
        {
            throw new InvalidOperationException($"shoal exited with {Process.ExitCode}");
        }
    }

    public string Describe() => Process.Describe();

    public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static string? NameOf(JsonObject one) => one["event"]?.GetValue<string>();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The build that belongs to these tests lies beside them; SHOAL_COMMAND names another one (the launcher, say).
    private static (string File, string[] First) Command() =>
        Environment.GetEnvironmentVariable("SHOAL_COMMAND") is { Length: > 0 } command
            ? (command, [])
            : ("dotnet", [Path.Combine(AppContext.BaseDirectory, "Shoal.Cli.dll")]);

    private void Accept(string line)
    {
        JsonObject message;
        try
        {
            message = JsonNode.Parse(line)!.AsObject();
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return; // kept in the output for the failure message
        }

        TaskCompletionSource changed;
        lock (_gate)
        {
            _events.Add(message);
            changed = _changed;
            _changed = NewSignal();
        }

        changed.TrySetResult();
    }
}
