using Shoal.Engine.Choking;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Serves blocks: whom (the choker's decision), and how much at a time. No slot is left to a peer that asks for nothing
/// while another could use it. What waits stays here, where a choke or a cancel
/// can still reach it; the driver gets no more than a link can carry in a moment.
/// </summary>
internal sealed class Uploader(SwarmContext context)
{
    /// <summary>Bytes handed to the driver for one link: one batch being read while another is being sent.</summary>
    private const long WindowBytes = 2 * 1024 * 1024;

    /// <summary>Blocks handed to the driver for one link, however small.</summary>
    private const int WindowCount = 256;

    /// <summary>
    /// A link that takes nothing for so long keeps buffers from those who would. A good peer's disk may hold it up for a
    /// minute.
    /// </summary>
    private static readonly TimeSpan StuckTime = TimeSpan.FromSeconds(120);

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

    /// <summary>The largest block we serve, as most clients do; everybody asks for 16 KiB.</summary>
    private const int MaximumBlockLength = 128 * 1024;

    /// <summary>So much nonsense is forgiven: requests that crossed a choke are none.</summary>
    private const int MaximumOffenceCount = 500;

    private readonly Choker _choker = new(
        context.IsTrusted ? int.MaxValue : context.Options.UploadSlotCount, context.Options.SeedingPolicy, context.Prng);
    private readonly Suggestions _suggestions = new(context);
    private readonly List<BlockRequest> _rejected = [];
    private ChokeCandidate[] _candidates = [];
    private int _unchokedCount;
    private int _idleCount; // those of them that want nothing
    private int _throttledLength; // of the block that the rate cap holds up; 0: none
    private int _turn;
    private Instant _nobodySilentUntil; // see FindSilent

    /// <summary>When the rate cap lets the next block go.</summary>
    public Instant Deadline => _throttledLength > 0
        ? context.Limits.Upload.AvailableAt(context.Now, _throttledLength)
        : Instant.Never;

    /// <summary>Whether nothing waits and nothing is in flight.</summary>
    public bool IsQuiet => context.Connections.TrueForAll(c => c.Uploads.IsEmpty);

    /// <summary>Whether the peer has stopped taking what it asked for.</summary>
    public bool IsStuck(PeerConnection connection) =>
        connection.Uploads.InFlightCount > 0 && context.Now - connection.Uploads.LastProgressAt > StuckTime;

    /// <summary>The peer asks for a block. A text is a reason to hang up.</summary>
    public string? Requested(PeerConnection connection, BlockRequest block)
    {
        if (context.Layout is not { } layout || !layout.Contains(block) || block.Length > Math.Max(MaximumBlockLength, layout.BlockLength))
        {
            return $"asks for what does not exist ({block})";
        }

        if (connection.IsToAsk)
        {
            // Maybe we have given up waiting: then it gets more time when it is its turn again.
            connection.IsToAsk = false;
            connection.AskDelay = context.Now - connection.UnchokedAt;
        }

        var allowed = context is { IsRunning: true, Picker: { } picker } && picker.Have[block.Piece] &&
            (!connection.AmChoking || IsGranted(connection, block)) &&
            connection.Uploads.TryAdd(block);
        if (allowed)
        {
            connection.GrantedFastBytes -= connection.AmChoking ? block.Length : 0;
            _suggestions.Asked(connection, block.Piece);
            Pump(connection);
            return null;
        }

        Refuse(connection, block);
        return context is { TellsPieces: true, IsTrusted: false } && ++connection.OffenceCount > MaximumOffenceCount + UploadQueue.Limit ? "floods us with requests that we refuse" : null;
    }

    /// <summary>A piece came by another way than links, perhaps to us only.</summary>
    public void Found(PieceIndex piece) => _suggestions.Found(piece);

    public void Cancelled(PeerConnection connection, BlockRequest block)
    {
        if (connection.Uploads.Cancel(block))
        {
            _nobodySilentUntil = Instant.Zero; // perhaps it was all that it wanted
            Refuse(connection, block);
        }
    }

    public void Sent(PeerConnection connection, int count, long bytes)
    {
        connection.Uploads.Sent(context.Now, count, bytes);
        connection.Uploaded.Add(context.Now, bytes);
        connection.LastSentAt = context.Now;
        context.UploadedBytes += bytes;
        if (HasItsFirstCopies(connection) && LongestWaiting() is { } waiting)
        {
            Choke(connection);
            Unchoke(waiting);
        }

        Pump(connection);
    }

    /// <summary>The piece could not be read, so it is had no longer, and nobody waits for it.</summary>
    public void Failed(PeerConnection connection, BlockRequest block)
    {
        connection.Uploads.Sent(context.Now, 1, block.Length);
        Refuse(connection, block);
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

    public void Tick()
    {
        _throttledLength = 0;
        if (_choker.Deadline <= context.Now)
        {
            Rechoke();
        }

        GiveFreeSlots();

        // Whoever was served first last time comes later this time, so a cap is shared fairly.
        var count = context.Connections.Count;
        for (var i = 0; i < count; i++)
        {
            Pump(context.Connections[(i + _turn) % count]);
        }

        _turn = count == 0 ? 0 : (_turn + 1) % count;
    }

    private void Pump(PeerConnection connection)
    {
        var uploads = connection.Uploads;
        // While the cap holds up anybody, all wait for the tick: it takes them in turn.
        while (_throttledLength == 0 && uploads is { InFlightBytes: < WindowBytes, InFlightCount: < WindowCount } &&
            uploads.TryPeek(out var block))
        {
            if (!context.Picker!.Have[block.Piece])
            {
                uploads.Drop(); // lost meanwhile
                _nobodySilentUntil = Instant.Zero;
                Refuse(connection, block);
                continue;
            }

            if (!context.Limits.Upload.TryTake(context.Now, block.Length))
            {
                _throttledLength = block.Length;
                context.IsPlanOld = true;
                return;
            }

            uploads.HandOver(context.Now);
            context.Limits.UploadedBlockCount++;
            context.Emit(new Output(
                OutputKind.Upload, context.Id, connection.Link,
                new PeerMessage(PeerMessageKind.Piece, block.Piece, block.Begin, block.Length)));
        }
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

    // What nobody has yet goes to as many as possible, about a piece at a time: a few that got everything would be all that the crowd can ask,
    // and their uplinks its limit. Everybody in turn, since need can be claimed.
    private bool HasItsFirstCopies(PeerConnection connection) =>
        !connection.AmChoking && context.IsRunning && !_choker.MayUnchokeNow(_unchokedCount) &&
        context.Options.SeedingPolicy == SeedingPolicy.RoundRobin && _suggestions.IsGivingFirstCopies &&
        context.Now - connection.UnchokedAt >= LeastTurn + (TurnRoundTrips * connection.AskDelay) &&
        connection.Uploaded.TotalBytes - connection.UploadedBytesAtUnchoke >= Math.Max(Suggestions.AheadBytes, context.Layout!.PieceLength);

    private static bool IsIdle(PeerConnection connection) => connection is { AmChoking: false, IsInterested: false };

    // BEP 6 answers every request; BEP 3 has no word for no.
    private void Refuse(PeerConnection connection, BlockRequest block)
    {
        if (connection.SupportsFast)
        {
            context.Send(connection, PeerMessage.Reject(block));
        }
    }

    // Once through the granted pieces helps a newcomer; for ever would be a slot of its own.
    private static bool IsGranted(PeerConnection connection, BlockRequest block) =>
        connection.GrantedFastBytes >= block.Length && connection.GrantedFast.Contains(block.Piece);

    // Of those that wait who has the fewest pieces: most likely it can use ours, and it has the least to pass on. What it says of itself may
    // be a lie; but it only gets what would lie idle, and at the next round it has to have earned it.
    private PeerConnection? Neediest() => FirstWaiting(connection => (connection.Has?.Count ?? 0, connection.WaitsSince));

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
        _suggestions.Unchoked(connection); // first, so that it is heeded at once
        context.Send(connection, PeerMessageKind.Unchoke);
    }

    private void Choke(PeerConnection connection)
    {
        _unchokedCount--;
        _idleCount -= IsIdle(connection) ? 1 : 0;
        connection.AmChoking = true;
        context.Send(connection, PeerMessageKind.Choke);
        _rejected.Clear();
        connection.Uploads.Clear(_rejected);
        foreach (var block in _rejected)
        {
            if (IsGranted(connection, block))
            {
                connection.GrantedFastBytes -= block.Length;
                connection.Uploads.TryAdd(block);
            }
            else
            {
                Refuse(connection, block);
            }
        }
    }
}
