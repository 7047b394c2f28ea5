using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Copying;

/// <summary>
/// What the swarm of one rank reads and writes: its own copy, and of a rank that reads the sources whose own disk failed those, so
/// that the others still get everything. Thread-safe.
/// </summary>
internal sealed class CopyStore(IPieceStore? own, IPieceStore? source, int pieceCount) : IPieceStore
{
    private readonly bool[] _isFromSource = new bool[pieceCount];

    /// <summary>From now on the piece is read from the sources. Before anybody asks for it.</summary>
    public void ServeFromSource(PieceIndex piece) => _isFromSource[piece.Value] = true;

    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) =>
        (own ?? throw new StorageException("there is no copy here")).Write(piece, begin, bytes);

    public void Read(PieceIndex piece, int begin, Span<byte> destination) => StoreOf(piece).Read(piece, begin, destination);

    public LentBytes? TryLend(in BlockRequest block, bool mayMap) => _isFromSource[block.Piece.Value] ? null : own?.TryLend(block, mayMap);

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) =>
        throw new NotSupportedException("links between ranks send blocks one by one");

    private IPieceStore StoreOf(PieceIndex piece) =>
        (_isFromSource[piece.Value] ? source : own) ?? throw new StorageException("there is no copy here");
}
