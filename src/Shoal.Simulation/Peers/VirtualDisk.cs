using Shoal.Engine;
using Shoal.Protocol;

namespace Shoal.Simulation.Peers;

/// <summary>
/// A peer's memory and disk without bytes: of each block it is known whether it is there and right, since content is a function of
/// piece and block. The disk outlives a crash, the memory does not. Checks on its way that every slot has one owner.
/// </summary>
internal sealed class VirtualDisk
{
    private readonly PieceLayout _layout;
    private readonly Dictionary<int, Unfinished> _partial = []; // by piece
    private Memory[] _slots = new Memory[4];
    private Bitfield? _cold; // pieces that were there when this life began; null for none

    public VirtualDisk(PieceLayout layout, bool isWhole)
    {
        _layout = layout;
        Right = new Bitfield(layout.PieceCount);
        if (isWhole)
        {
            Right.SetAll();
            _cold = Right.Clone();
        }
    }

    /// <summary>Pieces that lie on disk, whole and right.</summary>
    public Bitfield Right { get; }

    /// <summary>Slots that are in use.</summary>
    public int UsedSlotCount { get; private set; }

    /// <summary>The process has died: what was in memory is gone.</summary>
    public void Crash()
    {
        Array.Clear(_slots);
        UsedSlotCount = 0;
        _cold = Right.Clone();
    }

    /// <summary>Whether the piece is on disk only: what came in this life is still in memory.</summary>
    public bool IsCold(PieceIndex piece) => _cold?[piece] == true;

    /// <summary>Unfinished pieces on disk, for the next life: their blocks, right or not, are for it to find out.</summary>
    public IReadOnlyDictionary<PieceIndex, Bitfield> Partial()
    {
        var partial = new Dictionary<PieceIndex, Bitfield>();
        foreach (var (piece, blocks) in _partial)
        {
            if (!Right[piece] && !blocks.Told.IsEmpty)
            {
                partial.Add(new PieceIndex(piece), blocks.Told.Clone());
            }
        }

        return partial;
    }

    /// <summary>The slot is used for the piece: it is either free, or has been used for this one.</summary>
    public void Use(BufferSlot slot, PieceIndex piece)
    {
        Safety.Require(slot != BufferSlot.None, "a piece is fetched into no slot", piece);
        if (slot.Value >= _slots.Length)
        {
            Array.Resize(ref _slots, Math.Max(slot.Value + 1, _slots.Length * 2));
        }

        ref var memory = ref _slots[slot.Value];
        if (!memory.IsUsed)
        {
            (memory.IsUsed, memory.Piece) = (true, piece);
            UsedSlotCount++;
            var count = _layout.BlockCountOf(piece);
            if (memory.Right?.Length == count)
            {
                memory.Right.ClearAll();
            }
            else
            {
                memory.Right = new Bitfield(count);
            }
        }

        Safety.Require(memory.Piece == piece, "two pieces share a slot", piece);
    }

    /// <summary>A block came into the slot.</summary>
    public void Receive(BufferSlot slot, in BlockRequest block, bool isCorrupt)
    {
        var right = Of(slot, block.Piece);
        var index = block.Begin / _layout.BlockLength;
        _ = isCorrupt ? right.Clear(index) : right.Set(index);
    }

    /// <summary>Whether the slot holds the piece, whole and right.</summary>
    public bool IsRight(BufferSlot slot, PieceIndex piece) => Of(slot, piece).IsFull;

    /// <summary>The slot's piece is written to disk.</summary>
    public void Write(BufferSlot slot, PieceIndex piece)
    {
        Safety.Require(Of(slot, piece).IsFull, "a piece that is not right is written", piece);
        Right.Set(piece.Value);
        _partial.Remove(piece.Value);
    }

    /// <summary>Blocks of the slot's piece are written to disk.</summary>
    public void Spill(BufferSlot slot, PieceIndex piece, Bitfield blocks)
    {
        var right = Of(slot, piece);
        var there = UnfinishedOf(piece);
        for (var block = blocks.NextSet(0); block >= 0; block = blocks.NextSet(block + 1))
        {
            there.Told.Set(block);
            _ = right[block] ? there.Right.Set(block) : there.Right.Clear(block);
        }
    }

    /// <summary>
    /// The process dies while blocks of the slot's piece are being written (all if null): each is there or not, or in shreds, and what
    /// is noted down of it may be true or not.
    /// </summary>
    public void Tear(BufferSlot slot, PieceIndex piece, Bitfield? blocks, Prng prng)
    {
        var right = Of(slot, piece);
        var there = UnfinishedOf(piece);
        for (var block = 0; block < right.Length; block++)
        {
            if (blocks?[block] == false || prng.Next(3) == 0)
            {
                continue;
            }

            _ = right[block] && prng.Next(3) > 0 ? there.Right.Set(block) : there.Right.Clear(block);
            _ = prng.Next(2) > 0 && there.Told.Set(block);
        }
    }

    /// <summary>The piece cannot be read any more.</summary>
    public void Lose(PieceIndex piece) => Right.Clear(piece.Value);

    /// <summary>Blocks of the piece come back into the slot.</summary>
    public void Restore(BufferSlot slot, PieceIndex piece, Bitfield blocks)
    {
        Use(slot, piece);
        var right = Of(slot, piece);
        for (var block = blocks.NextSet(0); block >= 0; block = blocks.NextSet(block + 1))
        {
            if (_partial.TryGetValue(piece.Value, out var there) && there.Right[block])
            {
                right.Set(block);
            }
        }
    }

    /// <summary>The slot is free again.</summary>
    public void Release(BufferSlot slot)
    {
        ref var memory = ref _slots[slot.Value];
        Safety.Require(memory.IsUsed, "a slot is released that nobody has", memory.Piece);
        memory.IsUsed = false;
        UsedSlotCount--;
    }

    private Bitfield Of(BufferSlot slot, PieceIndex piece)
    {
        Safety.Require(
            (uint)slot.Value < (uint)_slots.Length && _slots[slot.Value].IsUsed && _slots[slot.Value].Piece == piece,
            "a piece is looked for in a slot that is not its own", piece);
        return _slots[slot.Value].Right!;
    }

    private Unfinished UnfinishedOf(PieceIndex piece)
    {
        if (!_partial.TryGetValue(piece.Value, out var there))
        {
            var count = _layout.BlockCountOf(piece);
            _partial.Add(piece.Value, there = new Unfinished(new Bitfield(count), new Bitfield(count)));
        }

        return there;
    }

    // Blocks of which it is noted down that they are on disk, and those that really are, and right.
    private sealed record Unfinished(Bitfield Told, Bitfield Right);

    private struct Memory
    {
        public bool IsUsed;
        public PieceIndex Piece;
        public Bitfield? Right;
    }
}
