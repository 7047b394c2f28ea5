using Shoal.Cli.Reporting;

namespace Shoal.Cli.Connect;

/// <summary>Work that goes on behind the prompt until it is done, fails, which is told in a line, or the session ends. Thread-safe.</summary>
internal sealed class BackgroundJobs(Reporter reporter, CancellationToken stop)
{
    /// <summary>Jobs at a time; more are refused.</summary>
    public const int MaximumCount = 1000;

    private readonly Lock _gate = new();
    private readonly HashSet<Task> _jobs = [];

    /// <summary>Begins a job; <paramref name="what"/> is how the line that tells its failure begins.</summary>
    /// <exception cref="UserErrorException">There are too many.</exception>
    public void Begin(string what, Func<CancellationToken, Task> job)
    {
        lock (_gate)
        {
            if (_jobs.Count >= MaximumCount)
            {
                throw new UserErrorException($"{MaximumCount} things are under way already; wait for some of them", ExitCode.Failed);
            }

            var task = Task.Run(() => RunAsync(what, job), CancellationToken.None);
            _jobs.Add(task);
            _ = task.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    /// <summary>Waits until the last is done, once the session ends.</summary>
    public async Task EndAsync()
    {
        Task[] jobs;
        lock (_gate)
        {
            jobs = [.. _jobs];
        }

        await Task.WhenAll(jobs);
    }

    private void Forget(Task task)
    {
        lock (_gate)
        {
            _jobs.Remove(task);
        }
    }

    private async Task RunAsync(string what, Func<CancellationToken, Task> job)
    {
        try
        {
            await job(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The session ends.
        }
#pragma warning disable CA1031 // whatever it is: the session goes on, and the user hears of it
        catch (Exception error)
#pragma warning restore CA1031
        {
            reporter.Report(new WarningEvent($"{what}: {App.Describe(error, stop).Text}"));
        }
    }
}
