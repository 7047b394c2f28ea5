using Shoal.Engine.Swarms;
using Shoal.Mpi.Jobs.Files;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>What a job is about, the same on every rank.</summary>
public sealed record RunOptions
{
    /// <summary>Where the inputs are, and the real files.</summary>
    public string Folder { get; init; } = ".";

    /// <summary>Where results go; null for <see cref="Folder"/>.</summary>
    public string? Output { get; init; }

    /// <summary>Whether the job is about real files.</summary>
    public bool IsData { get; init; }

    /// <summary>Bytes in a segment of a real file. 1 MiB.</summary>
    public int SegmentLength { get; init; } = 1 << 20;

    /// <summary>How load is balanced.</summary>
    public BalancePolicy Balance { get; init; } = BalancePolicy.Swarm;

    /// <summary>Where every message is written, a line each; null for nowhere.</summary>
    public string? TraceFile { get; init; }

    /// <summary>Gets lines that say how far the job is, on rank 0. Nobody.</summary>
    public Action<string>? OnProgress { get; init; }

    /// <summary>Gets each warning about the input, on rank 0. Nobody.</summary>
    public Action<string>? OnWarning { get; init; }

    /// <summary>What must be the same on all ranks, as text.</summary>
    internal string InCommon =>
        $"--balance {BalancePolicies.NameOf(Balance)}{(IsData ? $" --data --segment {SegmentLength}" : "")}{(TraceFile is null ? "" : " --trace")}";

    /// <summary>Where results go.</summary>
    public string OutputFolder => Output ?? Folder;
}

/// <summary>How a job went; equal on all ranks.</summary>
/// <param name="Failure">The worst of what went wrong anywhere.</param>
/// <param name="Problems">What went wrong, a line each, in order of ranks.</param>
/// <param name="Report">What the ranks did; null if the job did not begin.</param>
public sealed record RunResult(JobFailure Failure, IReadOnlyList<string> Problems, RunReport? Report);
