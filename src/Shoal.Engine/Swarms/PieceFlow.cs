using Shoal.Engine.Picking;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// What becomes of a piece between its first request and its place on disk: it gets a buffer slot, is hashed once whole,
/// written once right, and only then had. Slots are bounded; a stalled piece gives its own up by being spilled.
/// Invariant: nothing is outstanding for a piece that is hashed, written or spilled, so nobody writes to its slot.
/// </summary>
internal sealed class PieceFlow
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(3);

    private readonly Swarm _swarm;
    private readonly SwarmContext _context;
    private readonly Stack<BufferSlot> _free = new();
    private readonly List<PieceIndex> _unwritten = [];
    private readonly KnownHashes _hashes;
    private readonly Dictionary<PieceIndex, PieceHash> _unproved = []; // hashed before it was known what the hash shall be
    private Instant _retryAt = Instant.Never;

    public PieceFlow(Swarm swarm, SwarmContext context, PieceLayout layout)
    {
        _swarm = swarm;
        _context = context;
        _hashes = new KnownHashes(layout.PieceCount, context.Content!.PieceHashes);
        var count = (int)Math.Clamp(context.Options.BufferBytes / layout.PieceLength, 2, 4096);
        SlotCount = Math.Min(count, layout.PieceCount);
        for (var i = SlotCount - 1; i >= 0; i--)
        {
            _free.Push(new BufferSlot(i));
        }
    }

    /// <summary>Pieces that may be in hand at once.</summary>
    public int SlotCount { get; }

    /// <summary>Pieces that may be opened now.</summary>
    public int FreeSlotCount => _free.Count;

    /// <summary>Pieces that the hasher or the disk has in hand.</summary>
    public int BusyCount { get; private set; }

    private PiecePicker Picker => _context.Picker!;

    /// <summary>Makes sure that the piece has a slot before a block of it is asked for.</summary>
    public void Open(PartialPiece partial)
    {
        if (partial.Slot != BufferSlot.None)
        {
            return;
        }

        partial.Slot = _free.Pop();
        if (partial.Stage == PieceStage.Spilled)
        {
            partial.Stage = PieceStage.Restoring;
            BusyCount++;
            Emit(OutputKind.Restore, partial, partial.Received.Clone());
        }
    }

    /// <summary>A block was accepted, or the rest came back from disk: hash the piece if that makes it whole.</summary>
    public void Advance(PartialPiece partial)
    {
        if (!partial.IsComplete || partial.Stage != PieceStage.Downloading)
        {
            return;
        }

        if (partial.OutstandingCount != 0)
        {
            throw new InvalidOperationException($"piece {partial.Piece} is whole and still has requests out");
        }

        partial.Stage = PieceStage.Hashing;
        BusyCount++;
        Emit(OutputKind.Hash, partial);
    }

    public void Hashed(PieceIndex piece, PieceHash hash)
    {
        var partial = InHand(piece, PieceStage.Hashing);
        BusyCount--;
        if (_hashes.Find(piece) is { } expected)
        {
            Judge(partial, hash == expected);
        }
        else
        {
            _unproved.Add(piece, hash);
        }
    }

    /// <summary>What the piece's hash shall be.</summary>
    public void HashKnown(PieceIndex piece, PieceHash expected)
    {
        if (_hashes.Add(piece, expected) && _unproved.Remove(piece, out var hash))
        {
            Judge(InHand(piece, PieceStage.Hashing), hash == expected);
        }
    }

    private void Judge(PartialPiece partial, bool isRight)
    {
        var piece = partial.Piece;
        if (isRight)
        {
            Write(partial);
            return;
        }

        _context.WastedBytes += _context.Layout!.LengthOf(piece);
        _context.DownloadedBytes -= _context.Layout.LengthOf(piece);
        _context.Emit(new SwarmEvent.PieceFailed(piece));
        partial.Stage = PieceStage.Downloading;
        _swarm.Suspects.PieceFailed(partial);
    }

    public void Written(PieceIndex piece)
    {
        var partial = InHand(piece, PieceStage.Writing);
        BusyCount--;
        _swarm.Suspects.PieceProved(partial);
        var wasSlotAwaited = _free.Count == 0;
        Free(partial);
        Picker.MarkHave(piece);
        if (_context is { IsPaused: true, IsRunning: true })
        {
            RetryNext();
        }

        _swarm.PieceCompleted(piece, wasSlotAwaited);
    }

    /// <summary>
    /// The disk is full, or worse. The piece stays in its slot; nothing more is asked for; one write is tried again from
    /// time to time, and when it succeeds all goes on.
    /// </summary>
    public void WriteFailed(PieceIndex piece, string reason)
    {
        var partial = Picker.Find(piece) ?? throw new InvalidOperationException($"no piece {piece} in hand");
        BusyCount--;
        if (!_context.IsRunning)
        {
            Free(partial); // we are leaving, and the disk takes nothing: it has to be fetched again
            Picker.Abandon(piece);
            return;
        }

        if (partial.Stage == PieceStage.Spilling)
        {
            partial.Stage = PieceStage.Downloading;
        }
        else
        {
            _unwritten.Add(piece);
        }

        _retryAt = _context.Now + RetryInterval;
        if (!_context.IsPaused)
        {
            _context.IsPaused = true;
            _context.Emit(new SwarmEvent.Paused(reason));
        }
    }

    public void Spilled(PieceIndex piece)
    {
        var partial = InHand(piece, PieceStage.Spilling);
        BusyCount--;
        partial.Stage = PieceStage.Spilled;
        Free(partial);
        _swarm.Downloader.FillAll();
    }

    public void Restored(PieceIndex piece)
    {
        var partial = InHand(piece, PieceStage.Restoring);
        BusyCount--;
        partial.Stage = PieceStage.Downloading;
        Advance(partial);
    }

    /// <summary>What was spilled cannot be read back: the piece begins anew.</summary>
    public void RestoreFailed(PieceIndex piece)
    {
        var partial = InHand(piece, PieceStage.Restoring);
        BusyCount--;
        _swarm.Downloader.ForgetPiece(piece);
        Free(partial);
        Picker.Abandon(piece);
    }

    /// <summary>Takes the slot of a piece that nobody is working on. False if there is none.</summary>
    public bool TrySpillOne()
    {
        foreach (var partial in Picker.Partials)
        {
            if (partial is { Stage: PieceStage.Downloading, OutstandingCount: 0, IsComplete: false } && partial.Slot != BufferSlot.None)
            {
                Spill(partial);
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Saves every unfinished piece, at the end of a run, and whole ones that the disk refused. All requests have been forgotten.
    /// </summary>
    public void SaveAll()
    {
        _retryAt = Instant.Never;
        foreach (var piece in _unwritten)
        {
            Write(Picker.Find(piece)!);
        }

        _unwritten.Clear();
        foreach (var partial in Picker.Partials.ToArray())
        {
            if (partial is { Stage: PieceStage.Downloading, IsComplete: false } && partial.Slot != BufferSlot.None)
            {
                Spill(partial);
            }
        }
    }

    public Instant Deadline => _retryAt;

    public void Tick()
    {
        if (_retryAt > _context.Now)
        {
            return;
        }

        _retryAt = Instant.Never;
        if (_unwritten.Count > 0)
        {
            RetryNext();
        }
        else
        {
            Resume();
        }
    }

    private void RetryNext()
    {
        if (_unwritten.Count == 0)
        {
            Resume();
            return;
        }

        var partial = Picker.Find(_unwritten[0])!;
        _unwritten.RemoveAt(0);
        Write(partial);
    }

    private void Resume()
    {
        _context.IsPaused = false;
        _retryAt = Instant.Never;
        _context.Emit(new SwarmEvent.Resumed());
        _swarm.Downloader.FillAll();
    }

    private void Write(PartialPiece partial)
    {
        partial.Stage = PieceStage.Writing;
        BusyCount++;
        Emit(OutputKind.Write, partial);
    }

    private void Spill(PartialPiece partial)
    {
        if (partial.Received.IsEmpty)
        {
            Free(partial);
            Picker.Abandon(partial.Piece);
            return;
        }

        partial.Stage = PieceStage.Spilling;
        BusyCount++;
        Emit(OutputKind.Spill, partial, partial.Received.Clone());
    }

    private void Free(PartialPiece partial)
    {
        _context.Emit(new Output(OutputKind.ReleaseSlot, _context.Id, Slot: partial.Slot));
        _free.Push(partial.Slot);
        partial.Slot = BufferSlot.None;
    }

    private PartialPiece InHand(PieceIndex piece, PieceStage stage) =>
        Picker.Find(piece) is { } partial && partial.Stage == stage
            ? partial
            : throw new InvalidOperationException($"piece {piece} is not in stage {stage}");

    private void Emit(OutputKind kind, PartialPiece partial, Bitfield? blocks = null) =>
        _context.Emit(new Output(
            kind, _context.Id, Message: new PeerMessage(PeerMessageKind.Piece, partial.Piece), Slot: partial.Slot, Detail: blocks));
}
