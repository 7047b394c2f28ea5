using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>Which block to ask whom for.</summary>
public sealed class PiecePicker
{
    public PiecePicker(PieceLayout layout, Prng prng)
    {
        Have = new Bitfield(layout.PieceCount);
        _ = prng;
    }

    public Bitfield Have { get; }

    public int WantedMissingCount { get; private set; }

    public long MissingBytes { get; private set; }

    public bool IsComplete => WantedMissingCount == 0;

    public bool IsEndgame { get; private set; }

    public IReadOnlyList<PartialPiece> Partials { get; } = [];

    public void MarkHave(PieceIndex piece) => throw new NotSupportedException();

    public void MarkLost(PieceIndex piece) => throw new NotSupportedException();

    public void SetWanted(PieceIndex piece, bool wanted) => throw new NotSupportedException();

    public void AddAvailability(Bitfield peerHas) => throw new NotSupportedException();

    public void RemoveAvailability(Bitfield peerHas) => throw new NotSupportedException();

    public void AddAvailability(PieceIndex piece) => throw new NotSupportedException();

    public int AvailabilityOf(PieceIndex piece) => throw new NotSupportedException();

    public bool IsInteresting(Bitfield peerHas) => throw new NotSupportedException();

    public bool IsInteresting(PieceIndex piece) => throw new NotSupportedException();

    public int Pick(in PickRequest request, Span<BlockRequest> destination) => throw new NotSupportedException();

    public BlockOutcome Receive(LinkId link, BlockRequest block) => throw new NotSupportedException();

    public void Release(LinkId link, BlockRequest block) => throw new NotSupportedException();

    public int DuplicateHolders(BlockRequest block, Span<LinkId> destination) => throw new NotSupportedException();

    public PartialPiece? Find(PieceIndex piece) => throw new NotSupportedException();

    public void Reset(PieceIndex piece, LinkId? exclusive) => throw new NotSupportedException();

    public void Abandon(PieceIndex piece) => throw new NotSupportedException();

    public PartialPiece Adopt(PieceIndex piece, Bitfield received) => throw new NotSupportedException();
}
