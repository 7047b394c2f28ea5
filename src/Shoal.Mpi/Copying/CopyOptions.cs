using Shoal.Runtime;

namespace Shoal.Mpi.Copying;

/// <summary>What to copy to where. The same on all ranks.</summary>
public sealed record CopyOptions
{
    /// <summary>Files and folders; each arrives under its own name.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>The folder, on every node, into which they are copied; <c>{rank}</c> in it stands for the rank's number.</summary>
    public required string Destination { get; init; }

    /// <summary>How many ranks at most read the sources. 4.</summary>
    public int ReaderCount { get; init; } = 4;

    /// <summary>Bytes in a piece; null: by size.</summary>
    public int? PieceLength { get; init; }

    /// <summary>Whether files of the same length and time as their source are hashed, too, and not taken as right. False.</summary>
    public bool ChecksAll { get; init; }

    /// <summary>Puts something between the swarm and the disk, for measurements; null: nothing.</summary>
    public Func<IPieceStore, IPieceStore>? Wrap { get; init; }

    /// <summary>See <see cref="CopyLinks.FullMeshCount"/>.</summary>
    internal int FullMeshCount { get; init; } = CopyLinks.FullMeshCount;

    /// <summary>The clock by which a copy is given up in which nothing moves any more.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>What must be the same on all ranks, as text.</summary>
    internal string InCommon =>
        $"{Sources.Count} SRC --readers {ReaderCount}{(PieceLength is null ? "" : $" --piece-length {PieceLength}")}{(ChecksAll ? " --check" : "")}";

    /// <summary>The destination of one rank.</summary>
    public string DestinationOf(int rank) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(
        Destination.Replace("{rank}", rank.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal)));
}
