using Shoal.Cli.Reporting;
using Shoal.Simulation;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Cli.Commands;

/// <summary>A run that is over, or was broken off.</summary>
internal sealed record FinishedRun(string Label, Scenario Scenario, SimulationResult Result, bool IsBrokenOff)
{
    /// <summary>The run in figures.</summary>
    public RunSummary Summary { get; } = RunSummary.Of(Scenario, Result);
}

/// <summary>
/// Makes planned runs, several at once: each is one thread's own, so that the order in which they end changes none of them. Shows how
/// far they are all together. After a stop, those that run are broken off and no more begin.
/// </summary>
internal sealed class SimulationRuns(IReadOnlyList<PlannedRun> plan, Simulate simulate, Reporter reporter, CancellationToken stop)
{
    // What is done by then needs no bar.
    private const int FirstReportMilliseconds = 500;

    private readonly Lock _gate = new();
    private readonly SimulationProgress[] _progress = new SimulationProgress[plan.Count];
    private readonly FinishedRun?[] _finished = new FinishedRun?[plan.Count];
    private readonly long _start = Environment.TickCount64;
    private long _nextReport = Environment.TickCount64 + FirstReportMilliseconds;
    private long _lastReport = Environment.TickCount64;
    private long _lastEvents;
    private int _next = -1;
    private volatile bool _hasFailed;

    /// <summary>Makes them all; returns those that began, in their order.</summary>
    public async Task<IReadOnlyList<FinishedRun>> RunAsync(int atOnce)
    {
        await Task.WhenAll(Enumerable.Range(0, Math.Min(atOnce, plan.Count)).Select(_ => Task.Factory.StartNew(
            RunSome, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        return [.. _finished.OfType<FinishedRun>()];
    }

    private void RunSome()
    {
        int index;
        while (!stop.IsCancellationRequested && !_hasFailed && (index = Interlocked.Increment(ref _next)) < plan.Count)
        {
            try
            {
                Run(index);
            }
            catch
            {
                // The others need not run for hours until it is told.
                _hasFailed = true;
                throw;
            }
        }
    }

    private void Run(int index)
    {
        var isBrokenOff = false;
        var result = simulate(plan[index].Scenario, progress =>
        {
            Show(index, progress);
            isBrokenOff = stop.IsCancellationRequested || _hasFailed;
            return !isBrokenOff;
        });
        var finished = new FinishedRun(plan[index].Label, plan[index].Scenario, result, isBrokenOff);
        lock (_gate)
        {
            _finished[index] = finished;
            _progress[index] = new SimulationProgress(result.EndedAt, result.EventCount, finished.Summary.ExpectedCount, finished.Summary.CompletedCount, 1);
        }
    }

    private void Show(int index, SimulationProgress progress)
    {
        SimulationProgressEvent shown;
        lock (_gate)
        {
            _progress[index] = progress;
            var now = Environment.TickCount64;
            if (now < _nextReport)
            {
                return;
            }

            var events = _progress.Sum(one => one.EventCount);
            var share = Math.Clamp(_progress.Sum(one => one.HaveShare) / plan.Count, 0, 1);
            var elapsed = (now - _start) / 1000.0;
            shown = new SimulationProgressEvent(
                plan.Count, _finished.Count(run => run is not null), _progress.Where((_, i) => _finished[i] is null).Max(one => one.Now).TotalSeconds, events,
                Math.Round((events - _lastEvents) * 1000.0 / Math.Max(1, now - _lastReport)), share, _progress.Sum(one => one.CompletedCount),
                _progress.Sum(one => one.ExpectedCount), share > 0.00001 ? Math.Round(elapsed * (1 - share) / share, 1) : null);
            (_lastReport, _lastEvents) = (now, events);
            _nextReport = now + (long)reporter.ProgressInterval.TotalMilliseconds;
        }

        reporter.Report(shown);
    }
}
