using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>
/// The last blocks, asked for twice or thrice so that one slow peer does not hold up the end. Only late ones; of these, those that fewest links
/// have been asked for come first, and then the last. Bounded for each pick, and by <see cref="PartialPiece.MaximumHolders"/> for each block.
/// </summary>
/// <remarks>Cohen (2003), section 2.4.4.</remarks>
internal static class Endgame
{
    /// <summary>The most duplicate requests that one pick hands out: what is on its way cannot be called back.</summary>
    private const int MaximumDuplicatesPerPick = 2;

    /// <summary>Takes blocks that other links have been asked for, and marks them as asked of this one too.</summary>
    public static int Take(
        in PickRequest request, List<PartialPiece> partials, Bitfield missing, PieceLayout layout, Span<BlockRequest> destination)
    {
        destination = destination[..Math.Min(destination.Length, MaximumDuplicatesPerPick)];
        var count = 0;
        for (var holderCount = 1; holderCount < PartialPiece.MaximumHolders; holderCount++)
        {
            for (var i = partials.Count - 1; i >= 0; i--)
            {
                var partial = partials[i];
                if (partial.OutstandingCount > 0 && !partial.IsSole(request.Link) && request.Admits(partial, missing, openable: 0))
                {
                    count += TakeHeld(request, partial, holderCount, layout, destination[count..]);
                }
            }
        }

        return count;
    }

    /// <summary>Takes missing blocks that so many other links have been asked for.</summary>
    private static int TakeHeld(in PickRequest request, PartialPiece partial, int holderCount, PieceLayout layout, Span<BlockRequest> destination)
    {
        var count = 0;
        for (var index = partial.Received.Length - 1; index >= 0 && count < destination.Length; index--)
        {
            if (!partial.Received[index] && partial.HolderCountOf(index) == holderCount)
            {
                var block = layout.BlockAt(partial.Piece, index);
                if (MayRepeat(request, block, partial.HoldersOf(index)))
                {
                    partial.Hold(index, request.Link);
                    destination[count++] = block;
                }
            }
        }

        return count;
    }

    private static bool MayRepeat(in PickRequest request, BlockRequest block, ReadOnlySpan<LinkId> holders)
    {
        foreach (var holder in holders)
        {
            if (holder == request.Link || !request.IsLate!(holder, block))
            {
                return false;
            }
        }

        return true;
    }
}
