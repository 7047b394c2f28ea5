using Shoal.Engine.Picking;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Which piece to ask for next and of whom, under every <see cref="BalancePolicy"/> but Swarm: the first piece that is
/// not asked for, from one holder, by lot or in the order that was handed in last. Nobody tells what it has: whoever
/// lacks a piece rejects it, and another is asked. After a round of pieces a new order is wanted.
/// Invariant: a round that has ended is told once, and always, so whoever hands in an order for each never stalls it.
/// </summary>
internal sealed class HolderChoice(Swarm swarm, SwarmContext context)
{
    /// <summary>Pieces (requests, under LeastRequested) that one order is good for.</summary>
    private const int RoundLength = 10;

    /// <summary>Requests that are out at once, where rounds need not wait for them.</summary>
    private const int MaximumOutstandingCount = 64;

    /// <summary>The place of a holder that the order does not name.</summary>
    private const int Unnamed = int.MaxValue / 2;

    private readonly BalancePolicy _policy = context.Options.Balance;
    private readonly Dictionary<PeerAddress, int> _places = [];
    private readonly SortedDictionary<PeerAddress, int> _requests = []; // of this round
    private PieceIndex? _first;
    private int _left;
    private bool _isOrdered; // by an order whose round has not ended
    private bool _wasIdle;   // at the last tick

    private bool HasRoom => _left > 0 && OutstandingCount < MaximumOutstandingCount;

    private int OutstandingCount
    {
        get
        {
            var count = 0;
            foreach (var connection in context.Connections)
            {
                count += connection.Pipeline.Count;
            }

            return count;
        }
    }

    /// <summary>Asks for as much as may be out.</summary>
    public void Fill()
    {
        if (context is not { IsRunning: true, IsPaused: false, Picker: { IsComplete: false } picker })
        {
            return;
        }

        Span<BlockRequest> blocks = stackalloc BlockRequest[64];
        while (_isOrdered && HasRoom)
        {
            // A piece that everybody rejects waits for a holder to come, and those behind it with it.
            if (NextFree(picker) is not { } piece || Choose(piece) is not { } holder)
            {
                break;
            }

            var count = picker.Take(piece, holder.Link, blocks);
            foreach (var block in blocks[..count])
            {
                swarm.Downloader.Ask(holder, block);
            }

            _left--;
            _requests[holder.Address] = _requests.GetValueOrDefault(holder.Address) + 1;
        }

        // A round is so many segments, and which of the requests will be refused shows later; upload counts, too, are worth asking for
        // once most of what was asked for has been sent. The rest comes meanwhile.
        if (_isOrdered && _left <= 0 && (_policy == BalancePolicy.LeastRequested || OutstandingCount <= RoundLength / 2))
        {
            EndRound();
        }
    }

    /// <summary>The peer lacks the piece: another is asked, until a new order gives it another chance.</summary>
    public void Rejected(PeerConnection connection, PieceIndex piece)
    {
        connection.Rejected ??= new Bitfield(context.Layout!.PieceCount);
        connection.Rejected.Set(piece.Value);
        _left += _policy == BalancePolicy.LeastRequested ? 0 : 1;
        Fill();
    }

    /// <summary>A new order, best first.</summary>
    public void Ordered(IReadOnlyList<PeerAddress> holders)
    {
        _places.Clear();
        for (var i = 0; i < holders.Count; i++)
        {
            _places[holders[i]] = i;
        }

        foreach (var connection in context.Connections)
        {
            connection.Rejected?.ClearAll();
        }

        _isOrdered = true;
        _left = RoundLength;
        Fill();
    }

    /// <summary>Nobody could be asked for anything since the last tick: perhaps by now somebody has it.</summary>
    public void Tick()
    {
        Fill();
        var isIdle = _isOrdered && !context.IsPaused && !context.IsSeeding && OutstandingCount == 0;
        if (isIdle && _wasIdle)
        {
            EndRound();
        }

        _wasIdle = isIdle;
    }

    /// <summary>All is there: tells what the last round came to.</summary>
    public void Completed()
    {
        if (_requests.Count > 0)
        {
            EndRound();
        }
    }

    private void EndRound()
    {
        _isOrdered = false;
        context.Emit(new SwarmEvent.RoundEnded([.. _requests.Select(pair => new HolderRequests(pair.Key, pair.Value))]));
        _requests.Clear();
    }

    // The first missing piece with blocks that nobody is asked for. Peers that began at the same one would all have and
    // lack the same, and only the owners could serve them: each goes round from a place of its own.
    private PieceIndex? NextFree(PiecePicker picker)
    {
        _first ??= new PieceIndex(context.Prng.Next(context.Layout!.PieceCount));
        return NextFree(picker, _first.Value.Value, context.Layout!.PieceCount) ?? NextFree(picker, 0, _first.Value.Value);
    }

    private PieceIndex? NextFree(PiecePicker picker, int from, int end)
    {
        var mayOpen = swarm.Flow!.FreeSlotCount > 0; // without a slot to spare none is opened
        for (var i = picker.Missing.NextSet(from); i >= 0 && i < end; i = picker.Missing.NextSet(i + 1))
        {
            var piece = new PieceIndex(i);
            var isFree = picker.Find(piece) is { } partial
                ? partial.FreeCount > 0 && (partial.Stage == PieceStage.Downloading || (partial.Stage == PieceStage.Spilled && mayOpen))
                : mayOpen;
            if (isFree)
            {
                return piece;
            }
        }

        return null;
    }

    private PeerConnection? Choose(PieceIndex piece)
    {
        var exclusive = context.Picker!.Find(piece)?.Exclusive;
        PeerConnection? chosen = null;
        var place = (IsSnubbed: true, Number: int.MaxValue);
        var equals = 0;
        foreach (var connection in context.Connections)
        {
            if (!swarm.Downloader.MayAsk(connection) || connection.Rejected?[piece] == true ||
                (exclusive is not null && exclusive != connection.Link))
            {
                continue;
            }

            var other = (connection.IsSnubbed, PlaceOf(connection));
            var comparison = other.CompareTo(place);
            equals = comparison < 0 ? 0 : equals;
            if (comparison <= 0 && context.Prng.Next(++equals) == 0)
            {
                (chosen, place) = (connection, other);
            }
        }

        return chosen;
    }

    private int PlaceOf(PeerConnection connection) =>
        _policy == BalancePolicy.Random ? 0 : _places.GetValueOrDefault(connection.Address, Unnamed);
}
