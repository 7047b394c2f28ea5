using System.Buffers;
using Shoal.Protocol;
using Shoal.Protocol.Bencode;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>What a node keeps from one run to the next: its id, and nodes to begin with. As bytes, a bencoded dictionary.</summary>
public sealed record DhtSnapshot(NodeId Id, IReadOnlyList<DhtContact> Nodes)
{
    /// <summary>Nodes that are kept at most.</summary>
    public const int MaximumNodeCount = 400;

    /// <summary>The longest that is read, in bytes.</summary>
    public const int MaximumLength = 64 * 1024;

    /// <summary>The bytes of both families' snapshots; a family may be missing.</summary>
    public static byte[] Write(DhtSnapshot? ipv4, DhtSnapshot? ipv6)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new BencodeWriter(output);
        writer.BeginDictionary();
        WriteOne(writer, "ipv4"u8, ipv4);
        WriteOne(writer, "ipv6"u8, ipv6);
        writer.End();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Reads them again; false, and none, if these bytes are anything else.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out DhtSnapshot? ipv4, out DhtSnapshot? ipv6)
    {
        (ipv4, ipv6) = (null, null);
        if (bytes.Length > MaximumLength)
        {
            return false;
        }

        var reader = new BencodeReader(bytes);
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            if (key.SequenceEqual("ipv4"u8))
            {
                ipv4 = ReadOne(ref reader, PeerAddressKind.IPv4, DhtContact.CompactLengthIPv4);
            }
            else if (key.SequenceEqual("ipv6"u8))
            {
                ipv6 = ReadOne(ref reader, PeerAddressKind.IPv6, DhtContact.CompactLengthIPv6);
            }
        }

        if (reader.ReadEnd())
        {
            return true;
        }

        (ipv4, ipv6) = (null, null);
        return false;
    }

    private static void WriteOne(BencodeWriter writer, ReadOnlySpan<byte> key, DhtSnapshot? snapshot)
    {
        if (snapshot is null)
        {
            return;
        }

        var nodes = new byte[MaximumNodeCount * DhtContact.CompactLengthIPv6];
        var length = 0;
        foreach (var node in snapshot.Nodes.Take(MaximumNodeCount))
        {
            length += node.WriteCompact(nodes.AsSpan(length));
        }

        Span<byte> id = stackalloc byte[NodeId.Length];
        snapshot.Id.WriteTo(id);
        writer.WriteKey(key);
        writer.BeginDictionary();
        writer.WriteKey("id"u8);
        writer.WriteString(id);
        writer.WriteKey("nodes"u8);
        writer.WriteString(nodes.AsSpan(0, length));
        writer.End();
    }

    private static DhtSnapshot? ReadOne(ref BencodeReader reader, PeerAddressKind family, int length)
    {
        NodeId? id = null;
        List<DhtContact> nodes = [];
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            if (key.SequenceEqual("id"u8))
            {
                id = reader.ReadString() is { Length: NodeId.Length } bytes ? new NodeId(bytes) : null;
            }
            else if (key.SequenceEqual("nodes"u8))
            {
                var list = reader.ReadString();
                while (nodes.Count < MaximumNodeCount && DhtContact.TryTake(ref list, length, out var contact))
                {
                    if (DhtHosts.IsBelievable(contact.Address, family, contact.Address))
                    {
                        nodes.Add(contact);
                    }
                }
            }
        }

        return id is { } known ? new DhtSnapshot(known, nodes) : null;
    }
}
