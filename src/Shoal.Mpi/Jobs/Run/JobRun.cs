using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Shoal.Engine;
using Shoal.Engine.Jobs;
using Shoal.Engine.Sessions;
using Shoal.Mpi.Jobs.Files;
using Shoal.Runtime.Hosting;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>
/// One rank's part in a job of <c>in&lt;R&gt;.txt</c>: rank 0 is the tracker, all others are peers. All ranks call
/// <see cref="Run"/> once, each on the thread that made its world, with the same options. When it returns no message is
/// left between any ranks, and all have the same outcome.
/// </summary>
public sealed class JobRun(MpiWorld world, RunOptions options)
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(5);

    private long _toldAt = Stopwatch.GetTimestamp();
    private int _wantedCount;

    /// <summary>Segments that a rank may own, in all its files: it registers them in one message, which has a bound.</summary>
    private const int MaximumOwnedCount = 10_000_000;

    /// <summary>Runs the job to its end.</summary>
    /// <exception cref="MpiException">MPI failed, or a rank broke the protocol: abort the job.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled: abort the job.</exception>
    public RunResult Run(CancellationToken stop)
    {
        // Ranks that go about it in different ways would wait for each other for ever.
        if (world.FindDifference(options.InCommon) is { } difference)
        {
            return new RunResult(JobFailure.Input, [difference], null);
        }

        var claim = Prepare(stop, out var content, out var input, out var owned);
        using var _ = content;
        var verdict = Verdict.Reach(world, claim);
        if (world.Rank == 0)
        {
            verdict.Warnings.ToList().ForEach(warning => options.OnWarning?.Invoke(warning));
        }

        if (verdict.Failure != JobFailure.None)
        {
            return new RunResult(verdict.Failure, verdict.Problems, null);
        }

        _wantedCount = verdict.WantedCount;
        return Transfer(content, input, owned, stop);
    }

    // Everything that can be known to be wrong before anybody waits for anybody.
    private Claim Prepare(CancellationToken stop, out IPeerContent? content, out JobInput input, out IReadOnlyList<JobFile> owned)
    {
        (content, input, owned) = (null, JobInput.None, []);
        if (world.Rank == 0)
        {
            return new Claim(JobFailure.None, null, [], 0);
        }

        try
        {
            input = JobInputReader.ReadFile(options.Folder, world.Rank, options.IsData);
            content = options.IsData
                ? new DataContent(input, new DataFolder(RankFolder(options.Folder), RankFolder(options.OutputFolder), options.SegmentLength))
                : new TextContent(input, world.Rank, options.OutputFolder);
            owned = content.OpenOwned(stop);
            if (owned.Sum(file => (long)file.SegmentCount) is > MaximumOwnedCount and var count)
            {
                throw new JobException($"rank {world.Rank} owns {count} segments in all; at most {MaximumOwnedCount} can be registered{(options.IsData ? ": use a larger --segment" : "")}");
            }

            return new Claim(JobFailure.None, null, input.Warnings, input.Wanted.Count);
        }
        catch (JobException error)
        {
            return new Claim(error.Kind, error.Message, input.Warnings, 0);
        }
    }

    private RunResult Transfer(IPeerContent? content, JobInput input, IReadOnlyList<JobFile> owned, CancellationToken stop)
    {
        var seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        var session = content is null ? null : new Session(JobPeer.SessionOptionsFor(world.Rank, seed));
        IMachine machine = session is null ? new NoMachine() : session;
        // Hash texts are small and in memory: to hand them to other threads takes longer than to read, hash and write them.
        var loop = options.IsData ? new RankLoop(world, machine) : new RankLoop(world, machine, new SwarmHostOptions { DiskWorkerCount = 0 }, readerCount: 0);
        var traceFile = options.TraceFile is null ? null : TraceFile.Begin();
        loop.Transport.KeepWatch();
        _ = world.Max(0); // all begin at once, and their traces' clocks with them
        var began = Stopwatch.GetTimestamp();
        RankReport report;
        if (session is null)
        {
            Trace(loop, traceFile, null);
            var tracker = new TrackerRank(loop, world.Size - 1, options.Balance, seed);
            loop.RunUntil(() => tracker.IsOver | Tell(tracker, stop));
            loop.Settle();
            report = Report(loop, tracker.Outcome, [], new SessionLoad(), input, 0);
        }
        else
        {
            var peer = new PeerRank(world.Rank, loop, session, content!, owned, input, options.Balance, seed);
            Trace(loop, traceFile, peer);
            loop.RunUntil(() =>
            {
                stop.ThrowIfCancellationRequested();
                peer.Advance();
                return peer.IsOver;
            });
            loop.Settle();
            report = Report(loop, peer.Outcome, peer.Problems, session.Load, input, peer.ResultCount);
        }

        var result = Conclude(report, Stopwatch.GetElapsedTime(began));
        result = Merge(result, loop, traceFile);
        loop.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return result;
    }

    private static void Trace(RankLoop loop, Stream? file, PeerRank? peer)
    {
        if (file is not null)
        {
            loop.Transport.Trace = new JobTrace(file, infoHash => peer?.NameOf(infoHash));
        }
    }

    private bool Tell(TrackerRank tracker, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        if (Stopwatch.GetElapsedTime(_toldAt) > ProgressInterval)
        {
            _toldAt = Stopwatch.GetTimestamp();
            options.OnProgress?.Invoke($"{tracker.CompleteCount} of {_wantedCount} downloads complete");
        }

        return false;
    }

    private RankReport Report(
        RankLoop loop, JobMessage.Stop outcome, IReadOnlyCollection<string> problems, SessionLoad load, JobInput input, int results) => new(
        world.Rank, input.Owned.Count, input.Wanted.Count, results,
        load.UploadedCount, load.DownloadedCount, load.RequestCount, load.RejectCount,
        loop.Transport.Counts.ByName.ToDictionary(entry => entry.Key, entry => new MessageTotal(entry.Value.Count, entry.Value.Bytes), StringComparer.Ordinal),
        outcome.IsRefused ? JobFailure.Input : outcome.Failures.Count > 0 || problems.Count > 0 ? JobFailure.Partial : JobFailure.None,
        // The tracker's failures are everybody's; they are told once.
        world.Rank == 0 ? outcome.Failures : [.. problems]);

    private RunResult Conclude(RankReport mine, TimeSpan makespan)
    {
        var reports = world.Gather(JsonSerializer.SerializeToUtf8Bytes(mine, JobContext.Default.RankReport))
            .Select(bytes => JsonSerializer.Deserialize(bytes, JobContext.Default.RankReport)!).ToArray();
        var failure = reports.Max(report => report.Failure);
        return new RunResult(
            failure,
            [.. reports.SelectMany(report => report.Problems)],
            failure == JobFailure.Input ? null : new RunReport
            {
                Library = NameOf(world.LibraryVersion),
                Balance = Engine.Swarms.BalancePolicies.NameOf(options.Balance),
                MakespanSeconds = makespan.TotalSeconds,
                Ranks = reports,
            });
    }

    private RunResult Merge(RunResult result, RankLoop loop, FileStream? traceFile)
    {
        if (traceFile is null)
        {
            return result;
        }

        loop.Transport.Trace = null;
        var failure = TraceFile.Merge(world, traceFile, options.TraceFile!);
        traceFile.Dispose();
        return world.Max(failure is null ? 0 : 1) == 0 ? result : result with
        {
            Failure = (JobFailure)Math.Max((int)result.Failure, (int)JobFailure.Partial),
            Problems = failure is null ? result.Problems : [.. result.Problems, failure],
        };
    }

    // "Open MPI v4.1.4, package: …" and "MPICH Version:<tab>4.0.2": the rest is of interest to nobody here.
    private static string NameOf(string version) => string.Join(
        ' ', version.Split(',')[0].Replace("Version:", "", StringComparison.Ordinal).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private string RankFolder(string folder) => Path.Combine(folder, world.Rank.ToString());
}
