using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Runtime.Storage;

/// <summary>A range that lies in one file: <paramref name="File"/> is its index in the torrent's list.</summary>
internal readonly record struct Segment(int File, long Offset, int Length);

/// <summary>
/// Finds the files that a range of the content lies in (BEP 3: the content is the files one after another). Invariant:
/// the files fill the layout's total length without gap or overlap. Immutable, so thread-safe.
/// </summary>
internal sealed class ContentMap
{
    // Files that have bytes, in order; the ends ascend strictly, which an empty file's would not.
    private readonly int[] _indices;
    private readonly long[] _ends;
    private readonly PieceLayout _layout;
    private readonly IReadOnlyList<ContentFile> _files;

    public ContentMap(IReadOnlyList<ContentFile> files, PieceLayout layout)
    {
        _files = files;
        _layout = layout;
        _indices = [.. Enumerable.Range(0, files.Count).Where(i => files[i].Length > 0)];
        _ends = [.. _indices.Select(i => files[i].Offset + files[i].Length)];
        var end = 0L;
        foreach (var index in _indices)
        {
            if (files[index].Offset != end)
            {
                throw new ArgumentException($"the file '{files[index].Path}' begins at {files[index].Offset}, not at {end}", nameof(files));
            }

            end += files[index].Length;
        }

        if (end != layout.TotalLength)
        {
            throw new ArgumentException($"the files have {end} bytes, the layout {layout.TotalLength}", nameof(files));
        }
    }

    /// <summary>Where the block begins in the content.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not within its piece.</exception>
    public long OffsetOf(BlockRequest block) => _layout.Contains(block)
        ? _layout.OffsetOf(block.Piece) + block.Begin
        : throw new ArgumentOutOfRangeException(nameof(block), block, "not within the piece");

    /// <summary>As much of the range as lies in the file in which it begins.</summary>
    public Segment First(long offset, int length)
    {
        var position = Array.BinarySearch(_ends, offset + 1);
        var file = _indices[position < 0 ? ~position : position];
        var within = offset - _files[file].Offset;
        return new Segment(file, within, (int)Math.Min(length, _files[file].Length - within));
    }
}
