using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Hosting;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Copying;

/// <summary>
/// What the swarm of one rank reads and writes: the pieces that came last, from memory; its own copy; and of a rank that reads the sources whose own disk
/// failed those, so that the others still get everything. Thread-safe.
/// </summary>
/// <param name="plan">What is copied.</param>
/// <param name="own">The copy; null if there is none.</param>
/// <param name="source">The sources; null if they are not read here.</param>
/// <param name="pace">How they are read; null for as fast as they can be.</param>
internal sealed class CopyStore(CopyPlan plan, IPieceStore? own, IPieceStore? source, ReadPace? pace) : IPieceStore, IDisposable
{
    /// <summary>Of what came last, for the others, with the piece that is being read: most of what they ask for is sent from there.</summary>
    private const int RecentBytes = 32 << 20;

    private readonly bool[] _isFromSource = new bool[plan.Layout.PieceCount];

    /// <summary>How many of the pieces that came last are kept in memory.</summary>
    public static int RecentCount(CopyPlan plan) => Math.Max(0, (RecentBytes / plan.Layout.PieceLength) - 1);

    /// <summary>The pieces that came last.</summary>
    public RecentPieces Recent { get; } = new(plan.Layout.PieceLength, RecentCount(plan));

    /// <summary>How the sources are read; null for as fast as they can be.</summary>
    public ReadPace? Pace => pace;

    /// <summary>From now on the piece is read from the sources. Before anybody asks for it.</summary>
    public void ServeFromSource(PieceIndex piece) => _isFromSource[piece.Value] = true;

    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) =>
        (own ?? throw new StorageException("there is no copy here")).Write(piece, begin, bytes);

    public void Read(PieceIndex piece, int begin, Span<byte> destination) => StoreOf(piece).Read(piece, begin, destination);

    public LentBytes? TryLend(in BlockRequest block, bool mayMap)
    {
        pace?.Asked(block.Piece);
        return Recent.TryLend(block) ?? (_isFromSource[block.Piece.Value] ? null : own?.TryLend(block, mayMap));
    }

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) =>
        throw new NotSupportedException("links between ranks send blocks one by one");

    public void Dispose() => Recent.Dispose();

    private IPieceStore StoreOf(PieceIndex piece) =>
        (_isFromSource[piece.Value] ? source : own) ?? throw new StorageException("there is no copy here");
}
