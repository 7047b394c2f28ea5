using Shoal.Engine;
using Shoal.Protocol;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// One attached swarm: its resources, and which memory each of its slots has. Memory comes at a slot's first use.
/// Slots are touched within turns only; jobs carry the address with them.
/// </summary>
internal sealed class HostedSwarm(SwarmId id, SlotMemory memory)
{
    private Slot[] _slots = [];
    private int _slotLength;

    public SwarmId Id => id;

    public SwarmResources Resources { get; private set; } = new();

    public PieceLayout Layout => Resources.Layout ?? throw new InvalidOperationException("the swarm's layout is not known yet");

    public IPieceStore Store => Resources.Store ?? throw new InvalidOperationException("the swarm has no store yet");

    public void Update(SwarmResources resources)
    {
        if (Resources.Layout is { } old && old != resources.Layout)
        {
            throw new InvalidOperationException("a swarm's layout never changes");
        }

        Resources.Recent?.Clear();
        Resources = resources;
        _slotLength = resources.Layout?.PieceLength ?? 0;
    }

    /// <summary>The slot's memory, a piece long.</summary>
    public nint AddressOf(BufferSlot slot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot.Value, nameof(slot));
        if (slot.Value >= _slots.Length)
        {
            Array.Resize(ref _slots, Math.Max(slot.Value + 1, _slots.Length * 2));
        }

        ref var entry = ref _slots[slot.Value];
        if (entry.Address == 0)
        {
            _ = Layout;
            entry.Address = memory.Rent(_slotLength);
        }

        return entry.Address;
    }

    /// <summary>The slot's piece lies on the disk.</summary>
    public void Written(BufferSlot slot, PieceIndex piece)
    {
        if ((uint)slot.Value < (uint)_slots.Length)
        {
            _slots[slot.Value].Written = piece;
        }
    }

    public void Release(BufferSlot slot)
    {
        if ((uint)slot.Value >= (uint)_slots.Length || _slots[slot.Value] is not { Address: not 0 } entry)
        {
            return;
        }

        _slots[slot.Value] = default;
        if (Resources.Recent is { } recent && entry.Written is { } piece)
        {
            recent.Keep(piece, entry.Address, memory);
        }
        else
        {
            memory.Return(entry.Address);
        }
    }

    public void ReleaseAll()
    {
        for (var i = 0; i < _slots.Length; i++)
        {
            Release(new BufferSlot(i));
        }

        Resources.Recent?.Clear();
    }

    private struct Slot
    {
        public nint Address;
        public PieceIndex? Written;
    }
}
