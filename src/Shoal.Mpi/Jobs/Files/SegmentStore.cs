using Shoal.Protocol;
using Shoal.Runtime;

namespace Shoal.Mpi.Jobs.Files;

/// <summary>
/// Segments that have no bytes but their hash text, in memory: piece i is the i-th record of <see cref="SegmentHashes"/>.
/// Thread-safe as pieces are: nobody reads a piece before it was written and verified.
/// </summary>
public sealed class SegmentStore : IPieceStore
{
    private readonly int _width;
    private readonly byte[] _records;

    /// <summary>A store that has all of them.</summary>
    public SegmentStore(SegmentHashes hashes)
    {
        ArgumentNullException.ThrowIfNull(hashes);
        _width = hashes.Width;
        _records = hashes.Records.ToArray();
    }

    /// <summary>A store of so many bytes that has none of them yet.</summary>
    public SegmentStore(int width, int length)
    {
        _width = width;
        _records = new byte[length];
    }

    /// <summary>What is here, record behind record.</summary>
    public ReadOnlySpan<byte> Records => _records;

    /// <inheritdoc/>
    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) =>
        bytes.CopyTo(_records.AsSpan((piece.Value * _width) + begin, bytes.Length));

    /// <inheritdoc/>
    public void Read(PieceIndex piece, int begin, Span<byte> destination) =>
        _records.AsSpan((piece.Value * _width) + begin, destination.Length).CopyTo(destination);
}
