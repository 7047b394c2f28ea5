using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Engine.Resume;

/// <summary>What to do about one piece before it may be called had.</summary>
public enum PieceVerdict : byte
{
    /// <summary>It cannot be there: a file of it is missing or ends before it.</summary>
    Absent,

    /// <summary>Only holes are there. It is had if, and only if, its hash is that of zeros: no reading needed.</summary>
    Hole,

    /// <summary>It may be there: read and hash it.</summary>
    Check,

    /// <summary>It was verified, made durable, and its files were not touched since.</summary>
    Trust,
}

/// <summary>
/// The decision what a resume must check again, from what was recorded (or nothing) and what lies on disk.
/// <list type="bullet">
/// <item>A clean record whose files have the same length and time: what it has is trusted, the rest is absent.</item>
/// <item>A record of a run that was killed, whose files have not become shorter or older: what it has is trusted;
/// the rest may have been written after the record, so a piece is checked if data fills it. One with a hole was not
/// written to its end; where a file system makes holes of written zeros, such a piece is merely fetched again.</item>
/// <item>A file that is otherwise than recorded, and everything where there is no record: checked where there is data.</item>
/// </list>
/// Invariant: a piece is trusted only if the record has it and every file that it lies in is as the record leads one to
/// expect. Immutable.
/// </summary>
public sealed class ResumePlan
{
    private readonly PieceVerdict[] _verdicts;

    private ResumePlan(PieceVerdict[] verdicts, IReadOnlyDictionary<PieceIndex, Bitfield> partial)
    {
        _verdicts = verdicts;
        Partial = partial;
    }

    /// <summary>What to do about the piece.</summary>
    public PieceVerdict this[PieceIndex piece] => _verdicts[piece.Value];

    /// <summary>The number of pieces.</summary>
    public int PieceCount => _verdicts.Length;

    /// <summary>Blocks of unfinished pieces that are still there; a piece that a check finds whole needs them no more.</summary>
    public IReadOnlyDictionary<PieceIndex, Bitfield> Partial { get; }

    /// <summary>How many pieces have that verdict.</summary>
    public int CountOf(PieceVerdict verdict) => _verdicts.AsSpan().Count(verdict);

    /// <summary>Makes the plan. A record of another torrent, cut or number of files counts as none.</summary>
    /// <param name="layout">How the content is cut.</param>
    /// <param name="files">The torrent's files.</param>
    /// <param name="record">What the last run recorded, or null.</param>
    /// <param name="disk">What is there now, file by file.</param>
    public static ResumePlan Make(
        PieceLayout layout, IReadOnlyList<ContentFile> files, ResumeData? record, IReadOnlyList<FileOnDisk> disk)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(disk.Count, files.Count);
        if (record is not null && (record.Layout != layout || record.Files.Count != files.Count))
        {
            record = null;
        }

        var verdicts = new PieceVerdict[layout.PieceCount];
        var intact = new Bitfield(layout.PieceCount);
        intact.SetAll();
        var holed = new Bitfield(layout.PieceCount);
        verdicts.AsSpan().Fill(PieceVerdict.Hole);
        for (var i = 0; i < files.Count; i++)
        {
            // Padding is not on disk and reads as zeros, as a hole does.
            if (!files[i].IsPadding && files[i].Length > 0)
            {
                MarkFile(layout, files[i], disk[i], verdicts, holed);
                if (record is null || !IsAsRecorded(record.IsClean, record.Files[i], disk[i].Facts))
                {
                    Each(layout, files[i].Offset, files[i].Offset + files[i].Length, piece => intact.Clear(piece));
                }
            }
        }

        return record is null
            ? new ResumePlan(verdicts, new Dictionary<PieceIndex, Bitfield>())
            : Apply(record, intact, holed, verdicts);
    }

    private static ResumePlan Apply(ResumeData record, Bitfield intact, Bitfield holed, PieceVerdict[] verdicts)
    {
        for (var i = 0; i < verdicts.Length; i++)
        {
            if (!intact[i])
            {
                continue;
            }

            if (record.Have[i] && verdicts[i] != PieceVerdict.Absent)
            {
                verdicts[i] = PieceVerdict.Trust;
            }
            else if (record.IsClean || (verdicts[i] == PieceVerdict.Check && holed[i]))
            {
                verdicts[i] = PieceVerdict.Absent;
            }
        }

        var partial = record.Partial
            .Where(entry => intact[entry.Key] && verdicts[entry.Key.Value] != PieceVerdict.Trust)
            .ToDictionary(entry => entry.Key, entry => entry.Value);
        return new ResumePlan(verdicts, partial);
    }

    // A run that was killed has written on after its record: its files may have grown, and are younger.
    private static bool IsAsRecorded(bool isClean, FileFacts recorded, FileFacts now) => isClean
        ? now == recorded
        : !recorded.Exists || (now.Length >= recorded.Length && now.ModifiedNanoseconds >= recorded.ModifiedNanoseconds);

    private static void MarkFile(PieceLayout layout, ContentFile file, FileOnDisk disk, PieceVerdict[] verdicts, Bitfield holed)
    {
        var length = Math.Clamp(disk.Facts.Length, 0, file.Length);
        var dataEnd = 0L;
        foreach (var extent in disk.Extents ?? [new DataExtent(0, length)])
        {
            Each(layout, file.Offset + dataEnd, file.Offset + Math.Min(extent.Offset, length), piece => holed.Set(piece));
            dataEnd = Math.Min(extent.End, length);
            Each(layout, file.Offset + extent.Offset, file.Offset + dataEnd, piece => Mark(verdicts, piece, PieceVerdict.Check));
        }

        Each(layout, file.Offset + dataEnd, file.Offset + length, piece => holed.Set(piece));
        Each(layout, file.Offset + length, file.Offset + file.Length, piece => Mark(verdicts, piece, PieceVerdict.Absent));
    }

    // Absent outweighs Check: a piece that lacks a byte in one file is not saved by data in another.
    private static void Mark(PieceVerdict[] verdicts, int piece, PieceVerdict verdict)
    {
        if (verdicts[piece] != PieceVerdict.Absent)
        {
            verdicts[piece] = verdict;
        }
    }

    /// <summary>Does something to each piece that has a byte from <paramref name="start"/> up to <paramref name="end"/>.</summary>
    private static void Each(PieceLayout layout, long start, long end, Action<int> deed)
    {
        for (var piece = start / layout.PieceLength; start < end && piece <= (end - 1) / layout.PieceLength; piece++)
        {
            deed((int)piece);
        }
    }
}
