using Shoal.Engine.Picking;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Asks peers for blocks and takes them in. Keeps each link's pipeline as deep as its bandwidth wants, and gives up what
/// does not come.
/// </summary>
internal sealed class Downloader(Swarm swarm, SwarmContext context)
{
    /// <summary>A peer that owes us blocks and sends none for so long is snubbed: others are asked instead.</summary>
    private static readonly TimeSpan SnubTime = TimeSpan.FromSeconds(20);

    /// <summary>The same while no buffer is free: then each piece that is held up keeps others from what they could do.</summary>
    private static readonly TimeSpan SnubTimeWithoutSlots = TimeSpan.FromSeconds(5);

    /// <summary>So many rejects from a peer that does not choke us, and no block between them, are as good as silence.</summary>
    private const int MaximumRejectCount = 64;

    /// <summary>A request that is passed over for so long, while later ones are answered, is lost.</summary>
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(60);

    /// <summary>What a link that many share may come down to: before a block has had its time at this rate, nothing is taken for lost.</summary>
    private const int SlowestBytesPerSecond = 64 * 1024;

    /// <summary>A peer that would take longer than this for a piece rather helps others with theirs.</summary>
    private const int WholePieceSeconds = 20;

    /// <summary>A block out of the blue may come for each one that we gave up; beyond it, and this, it is an attack.</summary>
    private const int MaximumUnaskedBlockCount = 64;

    private readonly HolderChoice? _choice = context.TellsPieces ? null : new HolderChoice(swarm, context);
    private readonly NearPieces _near = new(context);
    private readonly Repeats _repeats = new(swarm, context);
    private bool _isThrottled;
    private int[] _order = []; // of links, while they are filled

    /// <summary>When asking may go on that the rate cap held up.</summary>
    public Instant Deadline => _isThrottled ? context.Limits.Download.AvailableAt(context.Now, BlockLength) : Instant.Never;

    private int BlockLength => context.Layout!.BlockLength;

    /// <summary>Recounts how many pieces of the peer we want, after its bitfield came or what we want changed.</summary>
    public void RecountInterest(PeerConnection connection)
    {
        _near.Changed();
        swarm.Interest.Recount(connection);
    }

    /// <summary>The peer has one piece more.</summary>
    public void PeerGot(PeerConnection connection, PieceIndex piece)
    {
        _near.Got(connection, piece);
        if (context.Picker!.IsInteresting(piece))
        {
            _repeats.PeerGot();
            swarm.Interest.PeerGot(connection);
            Fill(connection);
        }
    }

    /// <summary>Asks for as many blocks as the link should have out.</summary>
    public void Fill(PeerConnection connection)
    {
        if (_choice is not null)
        {
            _choice.Fill();
            return;
        }

        if (!MayAsk(connection) || !HasAnythingFree)
        {
            return;
        }

        var target = TargetDepth(connection);
        var room = target - connection.Pipeline.Count;
        if (room <= 0 || (connection.Pipeline.Count > 0 && room < target / 8))
        {
            return; // a few at a time: fewer, larger sends
        }

        Span<BlockRequest> picks = stackalloc BlockRequest[64];
        while (room > 0)
        {
            var wanted = Math.Min(room, picks.Length);
            if (context.Limits.Download.RateBytesPerSecond is not null)
            {
                wanted = 1;
                // While the cap holds up anybody, all wait for the tick: it takes them in turn.
                if (_isThrottled || context.Limits.Download.AvailableAt(context.Now, BlockLength) > context.Now)
                {
                    context.IsPlanOld |= !_isThrottled;
                    _isThrottled = true;
                    return;
                }
            }

            var count = context.Picker!.Pick(RequestFor(connection), picks[..wanted]);
            foreach (var block in picks[..count])
            {
                Ask(connection, block);
            }

            room -= count;
            if (count < wanted)
            {
                if (swarm.Flow!.FreeSlotCount == 0 && connection.Pipeline.Count == 0)
                {
                    swarm.Flow.TrySpillOne();
                }

                return;
            }
        }
    }

    /// <summary>
    /// Something became free that links may have waited for. There may be enough for the first few only, so the order is drawn by lot each time.
    /// </summary>
    public void FillAll() => FillInAnyOrder(snubbed: null);

    /// <summary>A block lies in its slot.</summary>
    public void Received(PeerConnection connection, BlockRequest block)
    {
        connection.Downloaded.Add(context.Now, block.Length);
        connection.IsSnubbed = false;
        connection.RejectCount = 0;
        if (!connection.Pipeline.Complete(block, context.Now))
        {
            throw new InvalidOperationException($"the driver reports {block}, which nobody asked for");
        }

        if (context.Picker!.Receive(connection.Link, block) == BlockOutcome.Accepted)
        {
            context.DownloadedBytes += block.Length;
            context.Limits.DownloadedBlockCount++;
            CancelDuplicates(block);
            swarm.Flow!.Advance(context.Picker.Find(block.Piece)!);
        }
        else
        {
            context.WastedBytes += block.Length;
        }

        Fill(connection);
    }

    /// <summary>A block came that the link did not expect.</summary>
    public void Discarded(PeerConnection connection, BlockRequest block)
    {
        context.WastedBytes += block.Length;
        connection.ForgottenCount--;
        if (connection.ForgottenCount < -MaximumUnaskedBlockCount)
        {
            swarm.Links.Ban(connection, "sends blocks that nobody asked for");
        }
    }

    /// <summary>The peer will not send the block (BEP 6).</summary>
    public void Rejected(PeerConnection connection, BlockRequest block)
    {
        if (connection.Pipeline.Remove(block))
        {
            EndRequest(connection, block);
            connection.ForgottenCount--; // it said so: nothing will come
            context.Limits.RejectCount++;
            if (_choice is not null)
            {
                _choice.Rejected(connection, block.Piece);
                return;
            }

            connection.AllowedFast?.Clear(block.Piece.Value);
            if (!connection.IsChoking && ++connection.RejectCount > MaximumRejectCount)
            {
                connection.IsSnubbed = true;
            }

            // No Fill: the peer would refuse the same block as fast as we can ask. The next tick asks again.
        }
    }

    /// <summary>Gives up all that is out on the link: it choked us without rejects, is snubbed, or has gone.</summary>
    public void ForgetAll(PeerConnection connection)
    {
        _near.Changed();
        while (connection.Pipeline.Count > 0)
        {
            var block = connection.Pipeline.Oldest.Block;
            connection.Pipeline.Remove(block);
            EndRequest(connection, block);
        }
    }

    /// <summary>Gives up all that is out for one piece, on every link.</summary>
    public void ForgetPiece(PieceIndex piece)
    {
        foreach (var connection in context.Connections)
        {
            for (var i = connection.Pipeline.Count - 1; i >= 0; i--)
            {
                var block = connection.Pipeline[i].Block;
                if (block.Piece == piece)
                {
                    Cancel(connection, block);
                }
            }
        }
    }

    /// <summary>An order of holders came in, best first.</summary>
    public void HoldersOrdered(IReadOnlyList<PeerAddress> holders) => _choice?.Ordered(holders);

    /// <summary>All that is wanted is there.</summary>
    public void Completed() => _choice?.Completed();

    /// <summary>Looks for what should have come by now.</summary>
    public void Tick()
    {
        _isThrottled = false;
        _near.Tick();
        var blockTime = TimeSpan.FromSeconds(BlockLength / SlowestBytesPerSecond); // none for the usual 16 KiB
        var snubTime = (swarm.Flow!.FreeSlotCount == 0 ? SnubTimeWithoutSlots : SnubTime) + blockTime;
        foreach (var connection in context.Connections)
        {
            GiveUpLate(connection, snubTime, RequestTimeout + (blockTime * connection.Pipeline.Count));
        }

        // What the slow ones gave up is for the others first.
        _repeats.IsTicking = true;
        FillInAnyOrder(snubbed: false);
        FillInAnyOrder(snubbed: true);
        _repeats.IsTicking = false;
        _choice?.Tick();
    }

    private void GiveUpLate(PeerConnection connection, TimeSpan snubTime, TimeSpan requestTimeout)
    {
        var pipeline = connection.Pipeline;
        if (pipeline.Count > 0 && context.Now - pipeline.LastProgressAt > snubTime)
        {
            connection.IsSnubbed = true;
            while (pipeline.Count > 0)
            {
                Cancel(connection, pipeline.Oldest.Block);
            }
        }
        else if (pipeline.Count > 0 && context.Now - pipeline.Oldest.RequestedAt > requestTimeout)
        {
            Cancel(connection, pipeline.Oldest.Block);
        }
    }

    // By lot: peers that all began with the same one, and went on together, would ask one of them after the other, and leave the rest idle.
    private void FillInAnyOrder(bool? snubbed)
    {
        if (_choice is not null)
        {
            _choice.Fill();
            return;
        }

        if (context.Picker is not { IsComplete: false } || context.IsPaused)
        {
            return; // who has thousands of links is mostly a seeder
        }

        var count = context.Connections.Count;
        if (_order.Length < count)
        {
            _order = new int[Math.Max(16, count * 2)];
        }

        for (var i = 0; i < count; i++)
        {
            _order[i] = i;
        }

        for (var i = 0; i < count; i++)
        {
            var drawn = i + context.Prng.Next(count - i);
            var connection = context.Connections[_order[drawn]];
            _order[drawn] = _order[i];
            if (snubbed is null || connection.IsSnubbed == snubbed)
            {
                Fill(connection);
            }
        }
    }

    /// <summary>Whether the peer has the piece and may be asked for it, or should be spared since a near one has it.</summary>
    public bool IsAskable(PeerConnection connection, PieceIndex piece) => _near.AskableOf(connection)[piece];

    /// <summary>Whether the link may be asked for anything.</summary>
    public bool MayAsk(PeerConnection connection) =>
        context is { IsRunning: true, IsPaused: false, Picker: { IsComplete: false } } &&
        connection is { Phase: ConnectionPhase.Open, AmInterested: true, Has: not null } &&
        (!connection.IsChoking || connection.AllowedFast is { IsEmpty: false });

    private int TargetDepth(PeerConnection connection)
    {
        if (connection.IsSnubbed)
        {
            return 1;
        }

        var depth = connection.Pipeline.TargetDepth(connection.Downloaded.RateBytesPerSecond(context.Now), BlockLength);
        return context.IsTrusted ? Math.Min(depth, FairDepth) : depth;
    }

    // Among our own one link is as good as another, and whatever is asked for holds a slot until it is on disk: a link that had them all
    // would leave the others idle. Counted in blocks, though pieces hold slots: with fewer slots than links several then share a piece, which
    // takes two thirds of the time that a piece for each takes (40 hosts, three slots, 16 blocks a piece).
    private int FairDepth => Math.Max(1, swarm.Flow!.SlotCount * context.Layout!.BlockCountOf(default) / Math.Max(1, swarm.Interest.LinkCount));

    private PickRequest RequestFor(PeerConnection connection) => new(
        connection.Link,
        _near.AskableOf(connection),
        connection.Downloaded.RateBytesPerSecond(context.Now) * WholePieceSeconds >= context.Layout!.PieceLength,
        swarm.Flow!.FreeSlotCount,
        connection.IsChoking ? connection.AllowedFast : null,
        connection.IsOnParole,
        IsLate: connection.Pipeline.Count == 0 && _repeats.AreDue ? _repeats.LateFor(connection) : null,
        Suggested: connection.Suggested);

    /// <summary>Whether a completed piece may give something to ask for to links that had nothing: a new round, or the endgame.</summary>
    public bool MayFillIdle => _choice is not null || _repeats.AreDue;

    /// <summary>Asks for a block that the picker has marked as asked for.</summary>
    public void Ask(PeerConnection connection, BlockRequest block)
    {
        context.Limits.RequestCount++;
        _near.Asked(connection, block.Piece);
        var partial = context.Picker!.Find(block.Piece)!;
        swarm.Flow!.Open(partial);
        connection.Pipeline.Add(block, context.Now);
        connection.LastSentAt = context.Now;
        context.Limits.Download.TryTake(context.Now, block.Length);
        context.Emit(new Output(
            OutputKind.Request, context.Id, connection.Link, PeerMessage.Request(block), partial.Slot));
    }

    // Where slots are few, mostly all are in use, and all that is in them is asked for: no need to look closer then.
    private bool HasAnythingFree => swarm.Flow!.FreeSlotCount > 0 || context.Picker!.HasFreeBlocks || _repeats.AreDue;

    private void CancelDuplicates(BlockRequest block)
    {
        Span<LinkId> holders = stackalloc LinkId[8];
        var count = context.Picker!.DuplicateHolders(block, holders);
        foreach (var link in holders[..count])
        {
            if (context.Find(link) is { } other)
            {
                Cancel(other, block);
                Fill(other);
            }
        }
    }

    private void Cancel(PeerConnection connection, BlockRequest block)
    {
        if (connection.Pipeline.Remove(block))
        {
            EndRequest(connection, block);
            context.Send(connection, PeerMessage.Cancel(block));
        }
    }

    private void EndRequest(PeerConnection connection, BlockRequest block)
    {
        context.Emit(new Output(OutputKind.Forget, context.Id, connection.Link, PeerMessage.Request(block)));
        context.Picker!.Release(connection.Link, block);
        connection.ForgottenCount++;
    }
}
