using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Which pieces the peers on our own node can give us, so that nobody farther away is asked for those (topology). A near peer that
/// chokes us or keeps us waiting does not count. Invariant: never more than a tick older than what the links say.
/// </summary>
internal sealed class NearPieces(SwarmContext context)
{
    private Bitfield? _near;
    private Bitfield? _beyond;
    private bool _isStale = true;

    /// <summary>A near peer came, went, or has others than before.</summary>
    public void Changed() => _isStale = true;

    /// <summary>The peer has one piece more.</summary>
    public void Got(PeerConnection connection, PieceIndex piece)
    {
        if (!_isStale && IsNear(connection) && IsGiving(connection))
        {
            _near?.Set(piece.Value);
        }
    }

    /// <summary>What the peer, which has told what it has, may be asked for. Valid until the next call.</summary>
    public Bitfield AskableOf(PeerConnection connection)
    {
        var has = connection.Has!;
        if (context.Options.IsNear is null || IsNear(connection))
        {
            return has;
        }

        if (_isStale)
        {
            Refresh(has.Length);
        }

        if (_near!.IsEmpty)
        {
            return has;
        }

        _beyond ??= new Bitfield(has.Length);
        _beyond.SetDifference(has, _near);
        return _beyond;
    }

    private void Refresh(int pieceCount)
    {
        _near ??= new Bitfield(pieceCount);
        _near.ClearAll();
        foreach (var connection in context.Connections)
        {
            if (connection.Has is { } has && IsNear(connection) && IsGiving(connection))
            {
                _near.Add(has);
            }
        }

        _isStale = false;
    }

    private bool IsNear(PeerConnection connection) => context.Options.IsNear?.Invoke(connection.Address) == true;

    private static bool IsGiving(PeerConnection connection) =>
        connection is { Phase: ConnectionPhase.Open, IsChoking: false, IsSnubbed: false };
}
