using Shoal.Protocol;

namespace Shoal.Engine.Resume;

/// <summary>
/// What one run leaves to the next about a torrent's content on disk. Invariant of whoever makes it: the pieces in
/// <see cref="Have"/> were verified and made durable <b>before</b> this was recorded.
/// </summary>
public sealed record ResumeData
{
    /// <summary>The torrent.</summary>
    public required InfoHash InfoHash { get; init; }

    /// <summary>How it is cut; a record of another cut is of no use.</summary>
    public required PieceLayout Layout { get; init; }

    /// <summary>
    /// Whether nothing was written after <see cref="Files"/> were looked at. False while a run goes on, and so after it was killed.
    /// </summary>
    public required bool IsClean { get; init; }

    /// <summary>The pieces that are verified and durable.</summary>
    public required Bitfield Have { get; init; }

    /// <summary>Blocks of unfinished pieces that lie on disk, unverified but durable; a bit a block.</summary>
    public IReadOnlyDictionary<PieceIndex, Bitfield> Partial { get; init; } = new Dictionary<PieceIndex, Bitfield>();

    /// <summary>The torrent's files, in its order, as they were after the sync.</summary>
    public required IReadOnlyList<FileFacts> Files { get; init; }

    /// <summary>Bytes of content sent in all runs.</summary>
    public long UploadedBytes { get; init; }

    /// <summary>Bytes of content received in all runs.</summary>
    public long DownloadedBytes { get; init; }
}
