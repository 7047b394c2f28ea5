using System.Buffers;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Wire;

/// <summary>What a sender of peer exchange knows of a peer; the bits of the wire. Others may be set, and mean nothing here.</summary>
[Flags]
public enum PexFlags : byte
{
    None = 0,

    /// <summary>Would rather be spoken to encrypted.</summary>
    PrefersEncryption = 0x01,

    /// <summary>Has everything, or takes nothing.</summary>
    IsSeeder = 0x02,

    /// <summary>Takes uTP.</summary>
    SupportsUtp = 0x04,

    /// <summary>Takes the holepunch extension.</summary>
    SupportsHolepunch = 0x08,

    /// <summary>Takes links: the sender opened one to there.</summary>
    IsReachable = 0x10,
}

/// <summary>A peer that one tells another of.</summary>
public readonly record struct PexPeer(PeerAddress Address, PexFlags Flags);

/// <summary>
/// A message of peer exchange (BEP 11): the peers that the sender is linked to and was not when it sent the last one, and those that it is
/// no longer linked to. What is left out counts as empty, flags that are missing as none; only what is no bencoded dictionary is a violation.
/// </summary>
/// <param name="Added">Peers with IPv4 or IPv6 addresses; of what was read those that could be reached.</param>
/// <param name="Dropped">Likewise.</param>
public sealed record PexMessage(IReadOnlyList<PexPeer> Added, IReadOnlyList<PeerAddress> Dropped)
{
    /// <summary>Peers that a message may add, and that it may drop, over both families (BEP 11; the first may have more).</summary>
    public const int MaximumCount = 50;

    /// <summary>Peers that are read of each list of a message, whatever its length: four times what is allowed, since the first may have more.</summary>
    public const int MaximumReadCount = 4 * MaximumCount;

    /// <summary>Reads the body of an extended message.</summary>
    public static ProtocolViolation? TryRead(ReadOnlySpan<byte> body, out PexMessage message)
    {
        ReadOnlySpan<byte> added = default, flags = default, added6 = default, flags6 = default, dropped = default, dropped6 = default;
        var reader = new BencodeReader(body, BencodeOptions.UnsortedKeys);
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            if (reader.Peek() != BencodeKind.String)
            {
                continue; // NextKey skips what nobody read
            }

            switch (key)
            {
                case var _ when key.SequenceEqual("added"u8):
                    added = reader.ReadString();
                    break;
                case var _ when key.SequenceEqual("added.f"u8):
                    flags = reader.ReadString();
                    break;
                case var _ when key.SequenceEqual("added6"u8):
                    added6 = reader.ReadString();
                    break;
                case var _ when key.SequenceEqual("added6.f"u8):
                    flags6 = reader.ReadString();
                    break;
                case var _ when key.SequenceEqual("dropped"u8):
                    dropped = reader.ReadString();
                    break;
                case var _ when key.SequenceEqual("dropped6"u8):
                    dropped6 = reader.ReadString();
                    break;
                default:
                    break;
            }
        }

        if (reader.Error is { } error)
        {
            message = new PexMessage([], []);
            return new ProtocolViolation($"peer exchange: {error.Text}");
        }

        List<PexPeer> come = [];
        List<PexPeer> gone = [];
        Read(added, flags, PeerAddress.CompactLengthIPv4, come);
        Read(added6, flags6, PeerAddress.CompactLengthIPv6, come);
        Read(dropped, default, PeerAddress.CompactLengthIPv4, gone);
        Read(dropped6, default, PeerAddress.CompactLengthIPv6, gone);
        message = new PexMessage(come, gone.ConvertAll(peer => peer.Address));
        return null;
    }

    /// <summary>Writes the body of the message.</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        var writer = new BencodeWriter(output);
        writer.BeginDictionary();
        WriteAdded(writer, "added"u8, "added.f"u8, PeerAddressKind.IPv4);
        WriteAdded(writer, "added6"u8, "added6.f"u8, PeerAddressKind.IPv6);
        Write(writer, "dropped"u8, [.. Dropped.Where(peer => peer.Kind == PeerAddressKind.IPv4)]);
        Write(writer, "dropped6"u8, [.. Dropped.Where(peer => peer.Kind == PeerAddressKind.IPv6)]);
        writer.End();
    }

    /// <summary>The whole as a message under the id that the receiver gave in its <see cref="ExtensionHandshake"/>.</summary>
    public PeerMessage ToMessage(byte id)
    {
        var body = new ArrayBufferWriter<byte>(256);
        WriteTo(body);
        return PeerMessage.Extended(id, body.WrittenMemory);
    }

    private static void Read(ReadOnlySpan<byte> peers, ReadOnlySpan<byte> flags, int size, List<PexPeer> into)
    {
        for (var i = 0; i < MaximumReadCount && (i + 1) * size <= peers.Length; i++)
        {
            var address = PeerAddress.ReadCompact(peers.Slice(i * size, size));
            if (!address.IsUnreachable)
            {
                into.Add(new PexPeer(address, i < flags.Length ? (PexFlags)flags[i] : PexFlags.None));
            }
        }
    }

    private void WriteAdded(BencodeWriter writer, ReadOnlySpan<byte> key, ReadOnlySpan<byte> flagsKey, PeerAddressKind kind)
    {
        PexPeer[] peers = [.. Added.Where(peer => peer.Address.Kind == kind)];
        if (peers.Length > 0)
        {
            Write(writer, key, Array.ConvertAll(peers, peer => peer.Address));
            writer.WriteKey(flagsKey);
            writer.WriteString(Array.ConvertAll(peers, peer => (byte)peer.Flags));
        }
    }

    private static void Write(BencodeWriter writer, ReadOnlySpan<byte> key, PeerAddress[] peers)
    {
        if (peers.Length > 0)
        {
            var bytes = new byte[peers.Length * PeerAddress.CompactLengthIPv6];
            var length = 0;
            foreach (var peer in peers)
            {
                length += peer.WriteCompact(bytes.AsSpan(length));
            }

            writer.WriteKey(key);
            writer.WriteString(bytes.AsSpan(0, length));
        }
    }
}
