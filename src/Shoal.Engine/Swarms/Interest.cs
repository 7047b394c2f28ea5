using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Whether peers have anything that we want: a running count for each link, and the messages that tell it (BEP 3).
/// Invariant: a link's <see cref="PeerConnection.InterestingCount"/> is the number of its pieces that are wanted and not had.
/// </summary>
internal sealed class Interest(SwarmContext context)
{
    private bool[] _holds = []; // by link, while a piece is told

    /// <summary>Links whose peers have something that we want.</summary>
    public int LinkCount { get; private set; }

    /// <summary>Recounts after the peer's bitfield came or what we want changed.</summary>
    public void Recount(PeerConnection connection)
    {
        connection.InterestingCount = Count(connection);
        Show(connection);
    }

    /// <summary>How many pieces of the peer we want.</summary>
    public int Count(PeerConnection connection)
    {
        var count = 0;
        if (context.Picker is { } picker && connection.Has is { } has)
        {
            for (var piece = has.NextSet(0); piece >= 0; piece = has.NextSet(piece + 1))
            {
                count += picker.IsInteresting(new PieceIndex(piece)) ? 1 : 0;
            }
        }

        return count;
    }

    /// <summary>The peer has one piece more, which we want.</summary>
    public void PeerGot(PeerConnection connection)
    {
        connection.InterestingCount++;
        Show(connection);
    }

    /// <summary>We have one piece more: nobody's copy of it interests us any longer, and others are told that we have it.</summary>
    public void WeGot(PieceIndex piece)
    {
        var connections = context.Connections;
        if (_holds.Length < connections.Count)
        {
            _holds = new bool[Math.Max(16, connections.Count * 2)];
        }

        // All looks before all deeds: thus the waits for the memory of many links, of which little is in a cache, overlap.
        for (var i = 0; i < connections.Count; i++)
        {
            _holds[i] = connections[i].Has is { } has && has[piece];
        }

        // Each piece is told in another order: whoever hears first is first to ask for a slot, and it should not always be the same.
        for (var turn = 0; turn < connections.Count; turn++)
        {
            var i = (turn + piece.Value) % connections.Count;
            var connection = connections[i];
            if (connection.Phase == ConnectionPhase.Open)
            {
                connection.InterestingCount -= _holds[i] ? 1 : 0;
                Show(connection);
                if (context.TellsPieces && (context.TellsHoldersToo || !_holds[i]))
                {
                    context.Send(connection, PeerMessage.Have(piece));
                }
            }
        }
    }

    /// <summary>We want a piece that we shall have in a moment: nobody need be told.</summary>
    public void CountWanted(PieceIndex piece)
    {
        foreach (var connection in context.Connections)
        {
            connection.InterestingCount += connection.Has is { } has && has[piece] ? 1 : 0;
        }
    }

    /// <summary>We want a piece, or want it no more.</summary>
    public void WantedChanged(PieceIndex piece, bool isWanted)
    {
        foreach (var connection in context.Connections)
        {
            if (connection.Has is { } has && has[piece])
            {
                connection.InterestingCount += isWanted ? 1 : -1;
                Show(connection);
            }
        }
    }

    /// <summary>The link is about to go.</summary>
    public void Left(PeerConnection connection)
    {
        LinkCount -= connection.AmInterested ? 1 : 0;
        connection.AmInterested = false;
    }

    private void Show(PeerConnection connection)
    {
        var interested = connection.InterestingCount > 0;
        if (interested != connection.AmInterested && connection.Phase == ConnectionPhase.Open)
        {
            connection.AmInterested = interested;
            LinkCount += interested ? 1 : -1;
            context.Send(connection, interested ? PeerMessageKind.Interested : PeerMessageKind.NotInterested);
        }
    }
}
