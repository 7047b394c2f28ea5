namespace Shoal.Protocol.Dht;

/// <summary>A node of the DHT and where it is.</summary>
public readonly record struct DhtContact(NodeId Id, PeerAddress Address)
{
    /// <summary>Length in bytes of an IPv4 node in a compact list (BEP 5).</summary>
    public const int CompactLengthIPv4 = NodeId.Length + PeerAddress.CompactLengthIPv4;

    /// <summary>Length in bytes of an IPv6 node in a compact list (BEP 32).</summary>
    public const int CompactLengthIPv6 = NodeId.Length + PeerAddress.CompactLengthIPv6;

    /// <summary>Writes the compact form and returns its length, 26 or 38.</summary>
    public int WriteCompact(Span<byte> destination)
    {
        Id.WriteTo(destination);
        return NodeId.Length + Address.WriteCompact(destination[NodeId.Length..]);
    }

    /// <summary>Takes the first node off a compact list, 26 or 38 bytes a node; false at its end. A cut-off last one is none.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> list, int length, out DhtContact contact)
    {
        if (list.Length < length)
        {
            contact = default;
            return false;
        }

        contact = new DhtContact(new NodeId(list), PeerAddress.ReadCompact(list[NodeId.Length..length]));
        list = list[length..];
        return true;
    }
}
