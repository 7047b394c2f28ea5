namespace Shoal.Engine.Picking;

/// <summary>What a partial piece is to a link, best first.</summary>
internal enum PieceRank
{
    /// <summary>Nobody else is at work on it.</summary>
    Own,

    /// <summary>Nobody is asked for any of it.</summary>
    Orphan,

    /// <summary>As before, but it has to be read back.</summary>
    Spilled,

    /// <summary>Others are asked for some of it.</summary>
    Shared,
}

/// <summary>Whether a partial piece may be offered to a link, and how gladly.</summary>
internal static class PieceRanks
{
    /// <summary>Whether the link may be asked for blocks of the piece, given that so many may be opened still.</summary>
    public static bool Admits(this in PickRequest request, PartialPiece partial, Protocol.Bitfield missing, int openable) =>
        (partial.Stage == PieceStage.Downloading || (partial.Stage == PieceStage.Spilled && openable > 0)) &&
        (partial.Exclusive is null || partial.Exclusive == request.Link) &&
        request.PeerHas[partial.Piece] &&
        request.Only?[partial.Piece] != false &&
        missing[partial.Piece];

    /// <summary>What the piece is to the link.</summary>
    public static PieceRank RankFor(this PartialPiece partial, LinkId link)
    {
        if (partial.Exclusive == link || partial.IsSole(link))
        {
            return PieceRank.Own;
        }

        if (partial.OutstandingCount > 0)
        {
            return PieceRank.Shared;
        }

        return partial.Stage == PieceStage.Spilled ? PieceRank.Spilled : PieceRank.Orphan;
    }
}
