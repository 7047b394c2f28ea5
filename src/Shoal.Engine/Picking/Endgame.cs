using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>
/// The last blocks, asked for twice or thrice so that one slow peer does not hold up the end: those that fewest links
/// have been asked for come first. Bounded for each pick, and by <see cref="PartialPiece.MaximumHolders"/> for each block.
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
            foreach (var partial in partials)
            {
                if (partial.OutstandingCount > 0 && !partial.IsSole(request.Link) && request.Admits(partial, missing, openable: 0))
                {
                    count += TakeHeld(partial, request.Link, holderCount, layout, destination[count..]);
                }
            }
        }

        return count;
    }

    /// <summary>Takes missing blocks that so many other links have been asked for.</summary>
    private static int TakeHeld(PartialPiece partial, LinkId link, int holderCount, PieceLayout layout, Span<BlockRequest> destination)
    {
        var count = 0;
        for (var block = partial.Received.NextClear(0);
            block >= 0 && count < destination.Length;
            block = partial.Received.NextClear(block + 1))
        {
            if (partial.HolderCountOf(block) == holderCount && !partial.HoldersOf(block).Contains(link))
            {
                partial.Hold(block, link);
                destination[count++] = layout.BlockAt(partial.Piece, block);
            }
        }

        return count;
    }
}
