namespace Shoal.Engine;

/// <summary>One swarm of a session. Opaque to drivers.</summary>
public readonly record struct SwarmId(int Value);

/// <summary>
/// One link between two peers, for as long as it lives; never used again in the session. The engine numbers links that
/// it asks for, the driver those that come in: even and odd, so neither has to ask the other.
/// </summary>
public readonly record struct LinkId(long Value) : IComparable<LinkId>
{
    /// <summary>The <paramref name="sequence"/>-th link that the engine opens.</summary>
    public static LinkId Outgoing(long sequence) => new(sequence * 2);

    /// <summary>The <paramref name="sequence"/>-th link that a driver accepts.</summary>
    public static LinkId Incoming(long sequence) => new((sequence * 2) + 1);

    /// <summary>Whether a driver accepted it.</summary>
    public bool IsIncoming => (Value & 1) != 0;

    /// <summary>In order of the number.</summary>
    public int CompareTo(LinkId other) => Value.CompareTo(other.Value);
}

/// <summary>
/// Memory for one piece, in the driver's pool, which the engine never sees inside. The engine hands slots out and takes
/// them back; a slot belongs to one piece from its first request until the engine says <see cref="OutputKind.ReleaseSlot"/>.
/// </summary>
public readonly record struct BufferSlot(int Value)
{
    /// <summary>No slot.</summary>
    public static readonly BufferSlot None = new(-1);
}
