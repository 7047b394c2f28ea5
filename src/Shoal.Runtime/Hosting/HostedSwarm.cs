using Shoal.Engine;
using Shoal.Protocol;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// One attached swarm: its resources, and which memory each of its slots has. Memory comes at a slot's first use.
/// Slots are touched within turns only; jobs carry the address with them.
/// </summary>
internal sealed class HostedSwarm(SwarmId id, SlotMemory memory)
{
    private nint[] _slots = [];
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

        ref var address = ref _slots[slot.Value];
        if (address == 0)
        {
            _ = Layout;
            address = memory.Rent(_slotLength);
        }

        return address;
    }

    public void Release(BufferSlot slot)
    {
        if ((uint)slot.Value < (uint)_slots.Length && _slots[slot.Value] != 0)
        {
            memory.Return(_slots[slot.Value]);
            _slots[slot.Value] = 0;
        }
    }

    public void ReleaseAll()
    {
        for (var i = 0; i < _slots.Length; i++)
        {
            Release(new BufferSlot(i));
        }
    }
}
