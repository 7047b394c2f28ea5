using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Gets the first copy of everything out of a seeder, or out of a peer that reads pieces from elsewhere (BEP 6, "Suggest Piece"). Peers cannot see what
/// others have asked us for, and would ask for much of it again while the rest waits: so whoever gets a slot is told a piece that nobody has and nobody
/// else was told of, and one more for each that it begins. When every piece has been asked for, or is had by somebody, rarest first does the rest. Advice
/// only: who does not follow it is served all the same. Invariant: <c>_untold</c> is a part of <c>_unasked</c>.
/// </summary>
internal sealed class Suggestions(SwarmContext context)
{
    /// <summary>Of small pieces so many are told ahead, lest the peer runs out of them while the next is on its way; of others one.</summary>
    public const int AheadBytes = 512 * 1024;

    /// <summary>So long after somebody asked for what nobody has, the next is not far.</summary>
    private static readonly TimeSpan FirstCopyTime = TimeSpan.FromSeconds(10);

    private Bitfield? _unasked; // pieces that nobody has asked us for
    private Bitfield? _untold; // those that were suggested to nobody
    private int _cursor;
    private Instant _firstCopiesUntil;

    /// <summary>Whether a seeder is asked for what nobody else has, or was a while ago.</summary>
    public bool IsGivingFirstCopies => context is { IsSeeding: true, TellsPieces: true } && context.Now < _firstCopiesUntil;

    /// <summary>The peer gets a slot.</summary>
    public void Unchoked(PeerConnection connection)
    {
        if (context is { IsSeeding: true, TellsPieces: true } && connection is { SupportsFast: true, Has: not null })
        {
            Suggest(connection, Math.Clamp(AheadBytes / context.Layout!.PieceLength, 1, PeerConnection.MaximumSuggestedCount / 2));
        }
    }

    /// <summary>A piece came from elsewhere than peers.</summary>
    public void Found(PieceIndex piece)
    {
        if (context.TellsPieces)
        {
            Begin();
            _unasked!.Set(piece.Value);
            _untold!.Set(piece.Value);
        }
    }

    /// <summary>The peer asks for a block of the piece.</summary>
    public void Asked(PeerConnection connection, PieceIndex piece)
    {
        if (context.Picker!.AvailabilityOf(piece) == 0)
        {
            _firstCopiesUntil = context.Now + FirstCopyTime;
        }

        if (_unasked?.Clear(piece.Value) == true)
        {
            _untold!.Clear(piece.Value);
            if (connection.SupportsFast)
            {
                Suggest(connection, 1);
            }
        }
    }

    private void Suggest(PeerConnection connection, int count)
    {
        Begin();
        // What was suggested and not asked for is suggested to others once all has been.
        for (; count > 0 && (Next(_untold!) ?? Next(_unasked!)) is { } piece; count--)
        {
            _untold!.Clear(piece.Value);
            context.Send(connection, PeerMessage.Suggest(piece));
        }
    }

    private void Begin()
    {
        if (_unasked is null)
        {
            _unasked = context.IsSeeding ? context.Picker!.Have.Clone() : new Bitfield(context.Layout!.PieceCount);
            _untold = _unasked.Clone();
            _cursor = _unasked.Length == 0 ? 0 : context.Prng.Next(_unasked.Length);
        }
    }

    private PieceIndex? Next(Bitfield among)
    {
        while (!among.IsEmpty)
        {
            var next = among.NextSet(_cursor);
            var piece = new PieceIndex(next >= 0 ? next : among.NextSet(0));
            _cursor = (piece.Value + 1) % among.Length;
            if (context.Picker!.Have[piece] && context.Picker.AvailabilityOf(piece) == 0)
            {
                return piece;
            }

            _unasked!.Clear(piece.Value);
            _untold!.Clear(piece.Value);
        }

        return null;
    }
}
