using Shoal.Engine.Picking;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Finds out who sends bad pieces. A piece from one link that fails convicts that peer. A piece from several puts all of
/// them on parole and is fetched again from one alone; a peer on parole gets only pieces of its own, until one of them
/// proves good and clears it, or fails and convicts it.
/// </summary>
internal sealed class Suspects(Swarm swarm, SwarmContext context)
{
    /// <summary>Links that have gone, remembered so that leaving before the hash is known does not help.</summary>
    private const int MaximumDepartedCount = 128;

    private readonly Queue<(LinkId Link, PeerAddress Address, PeerId Id)> _departed = new();

    public void Departed(PeerConnection connection)
    {
        _departed.Enqueue((connection.Link, connection.Address, connection.Id));
        if (_departed.Count > MaximumDepartedCount)
        {
            _departed.Dequeue();
        }
    }

    public void PieceFailed(PartialPiece partial)
    {
        var contributors = partial.Contributors.Union(partial.Rivals).ToArray();
        if (contributors.Length == 1 && IsAllFrom(partial, contributors[0]))
        {
            context.Picker!.Reset(partial.Piece, exclusive: null);
            Convict(contributors[0], partial.Piece);
        }
        else
        {
            foreach (var link in contributors)
            {
                if (context.Find(link) is { } connection)
                {
                    connection.IsOnParole = true;
                }
            }

            context.Picker!.Reset(partial.Piece, Successor(partial.Piece));
        }

        swarm.Downloader.FillAll();
    }

    /// <summary>The piece was right: whoever sent it alone has proved itself.</summary>
    public void PieceProved(PartialPiece partial)
    {
        if (partial.Contributors.Count == 1 && context.Find(partial.Contributors[0]) is { IsOnParole: true } connection &&
            IsAllFrom(partial, connection.Link))
        {
            connection.IsOnParole = false;
        }
    }

    /// <summary>Pieces that wait for a link that cannot deliver go to another.</summary>
    public void ReassignExclusives()
    {
        foreach (var partial in context.Picker!.Partials)
        {
            if (partial.Exclusive is { } link && !CanDeliver(context.Find(link), partial.Piece))
            {
                partial.Exclusive = Successor(partial.Piece);
            }
        }
    }

    private LinkId? Successor(PieceIndex piece)
    {
        foreach (var connection in context.Connections)
        {
            if (CanDeliver(connection, piece))
            {
                return connection.Link;
            }
        }

        return null;
    }

    // One that is passed over since a near peer has the piece delivers nothing, and nobody else would be asked.
    private bool CanDeliver(PeerConnection? connection, PieceIndex piece) =>
        connection is { Phase: ConnectionPhase.Open, IsChoking: false, IsSnubbed: false, Has: not null } &&
        swarm.Downloader.IsAskable(connection, piece);

    private static bool IsAllFrom(PartialPiece partial, LinkId link)
    {
        for (var block = 0; block < partial.Received.Length; block++)
        {
            if (partial.ContributorOf(block) != link)
            {
                return false; // somebody else's, or left over from an earlier run
            }
        }

        return true;
    }

    private void Convict(LinkId link, PieceIndex piece)
    {
        var reason = $"sent a bad piece ({piece})";
        if (context.Find(link) is { } connection)
        {
            swarm.Links.Ban(connection, reason);
            return;
        }

        foreach (var departed in _departed)
        {
            if (departed.Link == link)
            {
                context.Book.Ban(departed.Address, departed.Id);
                context.Emit(new SwarmEvent.PeerBanned(departed.Address, reason));
            }
        }
    }
}
