using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Pieces that were had and turned out unreadable or changed. While downloading they are fetched again like any other.
/// Invariant: once all that was wanted was had, nothing is written any more: what is lost then is given up, since whoever
/// changed a file that we only seed shall find it as he left it.
/// </summary>
internal sealed class Losses(SwarmContext context)
{
    /// <summary>Pieces that were given up.</summary>
    public int Count { get; private set; }

    /// <summary>Their bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>The pieces are no longer good. False if that is no news.</summary>
    public bool Take(ReadFailure failure)
    {
        if (context is not { Picker: { } picker, Layout: { } layout })
        {
            return false;
        }

        var isGivenUp = picker.IsComplete;
        List<PieceIndex> lost = [];
        for (var i = failure.Pieces.First.Value; i < failure.Pieces.End; i++)
        {
            var piece = new PieceIndex(i);
            if (!picker.Have[piece])
            {
                continue;
            }

            lost.Add(piece);
            if (isGivenUp)
            {
                picker.SetWanted(piece, false);
                Count++;
                Bytes += layout.LengthOf(piece);
            }

            picker.MarkLost(piece);
        }

        if (lost.Count > 0)
        {
            context.Emit(new SwarmEvent.PiecesLost(lost, layout.PieceCount, Count, failure.Reason));
        }

        return lost.Count > 0;
    }
}
