using Shoal.Engine.Picking;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// What farther peers need not be asked for, because a peer on our own node has it or is going to fetch it (topology): those of a node
/// that have told their addresses share the pieces among themselves, so that each crosses to the node about once. A near peer that
/// chokes us or keeps us waiting does not count, and who has had nothing to ask for in its own share for a whole tick asks for all.
/// Invariant: never more than a tick older than what the links say.
/// </summary>
internal sealed class NearPieces(SwarmContext context)
{
    private Bitfield? _near;
    private Bitfield? _beyond;
    private bool _isStale = true;

    // Those of the node among whom the pieces are shared, ourselves included, and how many of them come before us.
    private int _shareCount = 1;
    private int _place;
    private bool _hasAsked = true;
    private bool _isIdle;

    /// <summary>A near peer came, went, or has others than before.</summary>
    public void Changed() => _isStale = true;

    /// <summary>Looks again at everything, and whether our share keeps us busy.</summary>
    public void Tick()
    {
        _isStale = true;
        _isIdle = !_hasAsked;
        _hasAsked = false;
    }

    /// <summary>The peer was asked for a block of the piece.</summary>
    public void Asked(PeerConnection connection, PieceIndex piece)
    {
        if (_shareCount > 1 && IsOurs(piece.Value) && !IsNear(connection))
        {
            _hasAsked = true;
            _isStale |= _isIdle;
            _isIdle = false;
        }
    }

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
        (_shareCount, _place) = (1, 0);
        foreach (var connection in context.Connections)
        {
            if (connection.Has is { } && IsNear(connection) && IsGiving(connection) && context.Options.Self is { } self)
            {
                _shareCount++;
                _place += connection.Address.CompareTo(self) < 0 ? 1 : 0;
            }
        }

        if (_shareCount > 1 && !_isIdle)
        {
            LeaveSharesToOthers();
        }

        foreach (var connection in context.Connections)
        {
            if (connection.Has is { } has && IsNear(connection) && IsGiving(connection))
            {
                _near.Add(has);
            }
        }

        _isStale = false;
    }

    private void LeaveSharesToOthers()
    {
        for (var piece = 0; piece < _near!.Length; piece++)
        {
            if (!IsOurs(piece))
            {
                _near.Set(piece);
            }
        }

        // What was begun is finished: it holds a buffer.
        foreach (var partial in context.Picker!.Partials)
        {
            _near.Clear(partial.Piece.Value);
        }
    }

    // Scattered, since who reads a source or has a part of it has every so-manieth piece, or a run of them.
    private bool IsOurs(int piece) => (int)(((uint)piece * 2654435769u) >> 16) % _shareCount == _place;

    private bool IsNear(PeerConnection connection) => context.Options.IsNear?.Invoke(connection.Address) == true;

    private static bool IsGiving(PeerConnection connection) =>
        connection is { Phase: ConnectionPhase.Open, IsChoking: false, IsSnubbed: false };
}
