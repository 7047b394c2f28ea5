namespace Shoal.Protocol.Wire;

/// <summary>
/// The 68 bytes that open a connection (BEP 3): protocol name, 8 reserved bytes for extensions, info-hash, peer id.
/// </summary>
public readonly record struct Handshake(InfoHash InfoHash, PeerId PeerId, bool SupportsFast, bool SupportsExtensions, bool SupportsDht = false)
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 68;

    /// <summary>Length in bytes of the protocol's name, with which every handshake begins.</summary>
    public const int PreambleLength = 20;

    private static ReadOnlySpan<byte> Preamble => "\u0013BitTorrent protocol"u8;

    /// <summary>The handshake as a message.</summary>
    public PeerMessage ToMessage()
    {
        var bytes = new byte[Length];
        WriteTo(bytes);
        return new PeerMessage(PeerMessageKind.Handshake, Payload: bytes);
    }

    /// <summary>Writes the 68 bytes.</summary>
    public void WriteTo(Span<byte> destination)
    {
        destination[..Length].Clear();
        Preamble.CopyTo(destination);
        destination[25] |= (byte)(SupportsExtensions ? 0x10 : 0); // BEP 10: bit 20 from the right
        destination[27] |= (byte)(SupportsFast ? 0x04 : 0);       // BEP 6: bit 2 from the right
        destination[27] |= (byte)(SupportsDht ? 0x01 : 0);        // BEP 5: the last bit
        InfoHash.WriteTo(destination[28..]);
        PeerId.WriteTo(destination[48..]);
    }

    /// <summary>Whether these bytes could be the start of a handshake; lets a link close on garbage at its first byte.</summary>
    public static bool CouldBegin(ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, Preamble.Length);
        return bytes[..count].SequenceEqual(Preamble[..count]);
    }

    /// <summary>Reads 68 bytes; false if they are not a handshake.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out Handshake handshake)
    {
        if (bytes.Length != Length || !CouldBegin(bytes))
        {
            handshake = default;
            return false;
        }

        handshake = new Handshake(
            new InfoHash(bytes[28..]), new PeerId(bytes[48..]), (bytes[27] & 0x04) != 0, (bytes[25] & 0x10) != 0, (bytes[27] & 0x01) != 0);
        return true;
    }
}
