using Shoal.Engine.Choking;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Who has an upload slot: the choker's decision in each round, and between rounds nothing lies idle. A slot that is free, or whose peer asks for
/// nothing, goes to another at once; first copies go from hand to hand, and to more at once where each of them gets plenty.
/// </summary>
/// <param name="context">The swarm.</param>
/// <param name="suggestions">What nobody has yet.</param>
/// <param name="choked">Is told of each peer that loses its slot.</param>
internal sealed class UploadSlots(SwarmContext context, Suggestions suggestions, Action<PeerConnection> choked)
{
    /// <summary>
    /// Who has a slot is given so long to ask for something, from when it got the slot or the last that it asked for has left, and twice
    /// what it took last time: else peers that are far, or ask for little at once, would always be too late.
    /// </summary>
    private static readonly TimeSpan AskTime = TimeSpan.FromMilliseconds(500);

    /// <summary>In any case no longer than this.</summary>
    private static readonly TimeSpan MaximumAskTime = TimeSpan.FromSeconds(10);

    /// <summary>Who gets first copies keeps its slot for so long at least, however fast it is.</summary>
    private static readonly TimeSpan LeastTurn = TimeSpan.FromMilliseconds(200);

    /// <summary>And so many times what it took to ask: after each pause TCP begins slowly, and comes up to speed in ten round trips or so.</summary>
    private const int TurnRoundTrips = 24;

    /// <summary>
    /// A seeder has a slot more for each peer that gets so much a second. With few slots a fast one would wait for the lines of those it serves, and
    /// at first a few would have all that there is; with too many everybody would wait for the end of a first piece.
    /// </summary>
    private const int PlentyBytesPerSecond = 512 * 1024;

    /// <summary>So much of small pieces is a piece.</summary>
    private const int FirstBytes = 256 * 1024;

    /// <summary>From one look at what everybody gets to the next: a younger rate says nothing.</summary>
    private static readonly TimeSpan WideningInterval = TimeSpan.FromMilliseconds(500);

    private readonly Choker _choker = new(
        context.IsTrusted ? int.MaxValue : context.Options.UploadSlotCount, context.Options.SeedingPolicy, context.Prng);
    private ChokeCandidate[] _candidates = [];
    private int _unchokedCount;
    private int _idleCount; // those of them that want nothing
    private Instant _nobodySilentUntil; // see FindSilent
    private Instant _wideningAt;
    private Instant _firstSentAt = Instant.Never;

    /// <summary>The peer asks for a block.</summary>
    public void Asked(PeerConnection connection)
    {
        if (connection.IsToAsk)
        {
            // Maybe we have given up waiting: then it gets more time when it is its turn again.
            connection.IsToAsk = false;
            connection.AskDelay = context.Now - connection.UnchokedAt;
        }
    }

    /// <summary>A peer may have nothing waiting any more, and not because it was sent.</summary>
    public void Emptied() => _nobodySilentUntil = Instant.Zero;

    /// <summary>A block has gone to the peer.</summary>
    public void Sent(PeerConnection connection)
    {
        _firstSentAt = Instant.Min(_firstSentAt, context.Now);
        Widen();
        if (NextAfter(connection) is { } waiting)
        {
            Choke(connection);
            Unchoke(waiting);
        }
    }

    /// <summary>The peer says that it wants something, or nothing any more.</summary>
    public void SetInterested(PeerConnection connection, bool isInterested)
    {
        _idleCount -= IsIdle(connection) ? 1 : 0;
        connection.IsInterested = isInterested;
        _idleCount += IsIdle(connection) ? 1 : 0;
        GiveFreeSlots();
    }

    /// <summary>The link is gone.</summary>
    public void Closed(PeerConnection connection)
    {
        _unchokedCount -= connection.AmChoking ? 0 : 1;
        _idleCount -= IsIdle(connection) ? 1 : 0;
        GiveFreeSlots();
    }

    /// <summary>Holds the round that is due.</summary>
    public void Tick()
    {
        if (_choker.Deadline <= context.Now)
        {
            Rechoke();
        }

        GiveFreeSlots();
    }

    // More slots at once, fewer with the next round.
    private void Widen()
    {
        if (context.Now >= _wideningAt)
        {
            _wideningAt = context.Now + WideningInterval;
            CountSlots();
            GiveFreeSlots();
        }
    }

    private void CountSlots()
    {
        var least = context.Options.UploadSlotCount;
        if (context.IsTrusted || least >= context.Options.MaximumConnectionCount)
        {
            return; // enough for all
        }

        if (context.Options.SeedingPolicy == SeedingPolicy.RoundRobin && context.IsSeeding)
        {
            // Who has a slot of this kind keeps it with half of plenty: it may have taken the other half from those before it.
            var keep = Math.Min(_choker.UploadSlots, least + ServedCount(PlentyBytesPerSecond / 2));
            _choker.UploadSlots = Math.Max(keep, least + ServedCount(PlentyBytesPerSecond));
        }
        else
        {
            _choker.UploadSlots = least;
        }
    }

    private int ServedCount(long bytesPerSecond)
    {
        var count = 0;
        foreach (var connection in context.Connections)
        {
            count += !connection.AmChoking && connection.Uploaded.RateBytesPerSecond(context.Now) >= bytesPerSecond ? 1 : 0;
        }

        return count;
    }

    // Nothing waits for a round while a slot is free, or held by a peer that asks for nothing.
    private void GiveFreeSlots()
    {
        while (context.IsRunning && HasSlotToGive(out var idle) && Neediest() is { } waiting)
        {
            if (idle is not null)
            {
                Choke(idle);
            }

            Unchoke(waiting);
        }
    }

    // Who gets the peer's slot now, though the round is not over; null if nobody.
    private PeerConnection? NextAfter(PeerConnection connection)
    {
        if (connection.AmChoking || !context.IsRunning || _choker.MayUnchokeNow(_unchokedCount))
        {
            return null;
        }

        var bytes = connection.Uploaded.TotalBytes - connection.UploadedBytesAtUnchoke;
        return HasItsFirstCopies(connection, bytes) ? LongestWaiting() : HasItsFirstPiece(connection, bytes) ? Poorer(connection) : null;
    }

    // What nobody has yet goes to as many as possible, about a piece at a time: a few that got everything would be all that the crowd can ask,
    // and their uplinks its limit. Everybody in turn, since need can be claimed.
    private bool HasItsFirstCopies(PeerConnection connection, long bytes) =>
        context.Options.SeedingPolicy == SeedingPolicy.RoundRobin && suggestions.IsGivingFirstCopies &&
        context.Now - connection.UnchokedAt >= LeastTurn + (TurnRoundTrips * connection.AskDelay) &&
        bytes >= Math.Max(Suggestions.AheadBytes, context.Layout!.PieceLength);

    // A leecher's first slots go to those who ask first, before anybody has earned one. Some would be served by all, others by none, until
    // the next round; so whoever has got a piece, and given nothing, makes room for one that has much less. It may lie, but not for long.
    private bool HasItsFirstPiece(PeerConnection connection, long bytes) =>
        !context.IsSeeding && context.Now - _firstSentAt < Choker.Interval && bytes >= Math.Max(FirstBytes, context.Layout!.PieceLength) &&
        connection.Downloaded.RateBytesPerSecond(context.Now) == 0;

    private PeerConnection? Poorer(PeerConnection connection) =>
        Neediest() is { } poor && PieceCountOf(poor) * 5 < PieceCountOf(connection) * 4 ? poor : null;

    private static bool IsIdle(PeerConnection connection) => connection is { AmChoking: false, IsInterested: false };

    // Of those that wait who has the fewest pieces: most likely it can use ours, and it has the least to pass on. What it says of itself may
    // be a lie; but at the next round it has to have earned its slot.
    private PeerConnection? Neediest() => FirstWaiting(connection => (PieceCountOf(connection), connection.WaitsSince));

    // What we gave it counts even if it keeps that to itself.
    private int PieceCountOf(PeerConnection connection) => Math.Max(
        connection.Has?.Count ?? 0,
        context.Layout is { } layout ? (int)Math.Min(layout.PieceCount, connection.Uploaded.TotalBytes / layout.PieceLength) : 0);

    private PeerConnection? LongestWaiting() => FirstWaiting(connection => (0, connection.WaitsSince));

    private PeerConnection? FirstWaiting(Func<PeerConnection, (int, Instant)> place)
    {
        PeerConnection? first = null;
        foreach (var connection in context.Connections)
        {
            if (connection is { Phase: ConnectionPhase.Open, IsInterested: true, AmChoking: true } &&
                (first is null || place(connection).CompareTo(place(first)) < 0))
            {
                first = connection;
            }
        }

        return first;
    }

    // Whether a slot is free, or held by a peer that asks for nothing.
    private bool HasSlotToGive(out PeerConnection? idle)
    {
        idle = null;
        if (_choker.MayUnchokeNow(_unchokedCount))
        {
            return true;
        }

        idle = (_idleCount > 0 ? context.Connections.Find(IsIdle) : null) ?? FindSilent();
        return idle is not null;
    }

    // Who has a slot and has asked for nothing for too long; null if nobody. Whenever a peer comes to want something this is asked, so it looks
    // at the links again only when the answer may be another: who asks or is unchoked from now on is given the least time at least.
    private PeerConnection? FindSilent()
    {
        if (context.Now < _nobodySilentUntil)
        {
            return null;
        }

        var next = context.Now + AskTime;
        foreach (var connection in context.Connections)
        {
            if (connection is { AmChoking: false, Phase: ConnectionPhase.Open, Uploads.IsEmpty: true })
            {
                var patience = AskTime + (2 * connection.AskDelay);
                var silentAfter = Instant.Max(connection.UnchokedAt, connection.Uploads.LastProgressAt) +
                    (patience < MaximumAskTime ? patience : MaximumAskTime);
                if (context.Now > silentAfter)
                {
                    return connection;
                }

                next = Instant.Min(next, silentAfter);
            }
        }

        _nobodySilentUntil = next;
        return null;
    }

    private void Rechoke()
    {
        if (_candidates.Length < context.Connections.Count)
        {
            _candidates = new ChokeCandidate[Math.Max(16, context.Connections.Count * 2)];
        }

        var count = 0;
        foreach (var connection in context.Connections)
        {
            if (connection.Phase == ConnectionPhase.Open)
            {
                _candidates[count++] = CandidateOf(connection);
            }
        }

        var candidates = _candidates.AsSpan(0, count);
        CountSlots();
        _choker.Decide(context.Now, context.IsSeeding, candidates);
        foreach (ref readonly var candidate in candidates)
        {
            var connection = context.Find(candidate.Link)!;
            if (candidate.Unchoke && connection.AmChoking)
            {
                Unchoke(connection);
            }
            else if (!candidate.Unchoke && !connection.AmChoking)
            {
                Choke(connection);
            }
        }
    }

    private ChokeCandidate CandidateOf(PeerConnection connection) => new()
    {
        Link = connection.Link,
        IsInterested = connection.IsInterested,
        IsUnchoked = !connection.AmChoking,
        IsSnubbed = connection.IsSnubbed,
        DownloadRateBytesPerSecond = connection.Downloaded.RateBytesPerSecond(context.Now),
        UploadRateBytesPerSecond = connection.Uploaded.RateBytesPerSecond(context.Now),
        UnchokedAt = connection.UnchokedAt,
        UploadedBytesSinceUnchoke = connection.Uploaded.TotalBytes - connection.UploadedBytesAtUnchoke,
        ConnectedAt = connection.OpenedAt,
    };

    private void Unchoke(PeerConnection connection)
    {
        connection.AmChoking = false;
        _unchokedCount++;
        _idleCount += IsIdle(connection) ? 1 : 0;
        connection.UnchokedAt = context.Now;
        connection.IsToAsk = true;
        connection.UploadedBytesAtUnchoke = connection.Uploaded.TotalBytes;
        connection.OffenceCount = 0;
        suggestions.Unchoked(connection); // first, so that it is heeded at once
        context.Send(connection, PeerMessageKind.Unchoke);
    }

    private void Choke(PeerConnection connection)
    {
        _unchokedCount--;
        _idleCount -= IsIdle(connection) ? 1 : 0;
        connection.AmChoking = true;
        context.Send(connection, PeerMessageKind.Choke);
        choked(connection);
    }
}
