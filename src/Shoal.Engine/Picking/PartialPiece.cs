using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>One piece being fetched.</summary>
public sealed class PartialPiece
{
    internal PartialPiece(PieceIndex piece, int blockCount)
    {
        Piece = piece;
        Received = new Bitfield(blockCount);
    }

    public static readonly LinkId NoContributor = new(-1);

    public PieceIndex Piece { get; }

    public BufferSlot Slot { get; set; } = BufferSlot.None;

    public PieceStage Stage { get; set; }

    public Bitfield Received { get; }

    public int OutstandingCount { get; internal set; }

    public bool IsComplete => Received.IsFull;

    public LinkId? Exclusive { get; set; }

    public IReadOnlyList<LinkId> Contributors { get; } = [];

    public LinkId ContributorOf(int block) => throw new NotSupportedException();
}
