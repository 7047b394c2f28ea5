using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Dht;

/// <summary>
/// KRPC, reading side (BEP 5, 32, 42, 43, 51). Nothing throws or allocates (but the text of bencode's first error, which nobody sees); what is
/// not a whole and sensible message is no message. Keys may be in any order, and unknown ones are skipped.
/// </summary>
public static class KrpcReader
{
    /// <summary>The longest packet that is looked at, in bytes.</summary>
    public const int MaximumPacketLength = 2048;

    /// <summary>The longest transaction id that is repeated to who asks, in bytes.</summary>
    public const int MaximumTransactionLength = 32;

    /// <summary>The longest token that is taken, in bytes.</summary>
    public const int MaximumTokenLength = 64;

    private static readonly BencodeOptions Options = BencodeOptions.UnsortedKeys with { MaximumDepth = 6 };

    /// <summary>Reads one packet; false for what is not to be answered or believed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out KrpcMessage message)
    {
        message = default;
        // A look at both ends first: most of what is not KRPC costs nothing.
        if (packet.Length is < 12 or > MaximumPacketLength || packet[0] != 'd' || packet[^1] != 'e')
        {
            return false;
        }

        var read = new KrpcMessage { SampleIntervalSeconds = -1 };
        var reader = new BencodeReader(packet, Options);
        var kind = (byte)0;
        var has = default(Found);
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            switch (key)
            {
                case [(byte)'t']:
                    read.Transaction = reader.ReadString();
                    break;
                case [(byte)'y']:
                    kind = reader.ReadString() is [var letter] ? letter : (byte)0;
                    break;
                case [(byte)'q']:
                    read.Method = MethodOf(reader.ReadString());
                    break;
                case [(byte)'a'] or [(byte)'r'] when reader.Peek() == BencodeKind.Dictionary:
                    ReadBody(ref reader, ref read, ref has);
                    break;
                case [(byte)'e'] when reader.Peek() == BencodeKind.List:
                    ReadError(ref reader, ref read);
                    break;
                case [(byte)'i', (byte)'p']:
                    read.YourAddress = ReadAddress(reader.ReadString());
                    break;
                case [(byte)'r', (byte)'o'] when reader.Peek() == BencodeKind.Integer:
                    read.IsReadOnly = reader.ReadInteger() == 1;
                    break;
                case [(byte)'v'] when reader.Peek() == BencodeKind.String:
                    read.Version = reader.ReadString();
                    break;
                default:
                    break; // skipped
            }
        }

        if (!reader.ReadEnd() || read.Transaction.Length is 0 or > MaximumTransactionLength || !IsWhole(kind, ref read, has))
        {
            return false;
        }

        message = read;
        return true;
    }

    /// <summary>Appends the peers in <see cref="KrpcMessage.Peers"/> that are of the family and could be reached; at most <paramref name="most"/>.</summary>
    public static void ReadPeers(ReadOnlySpan<byte> list, PeerAddressKind family, int most, List<PeerAddress> peers)
    {
        if (list.IsEmpty)
        {
            return;
        }

        var length = family == PeerAddressKind.IPv4 ? PeerAddress.CompactLengthIPv4 : PeerAddress.CompactLengthIPv6;
        var reader = new BencodeReader(list, Options);
        reader.EnterList();
        while (reader.NextItem() && most > 0)
        {
            if (reader.Peek() == BencodeKind.String && reader.ReadString() is var bytes && bytes.Length == length &&
                PeerAddress.ReadCompact(bytes) is { IsUnreachable: false } peer && peer.Kind == family)
            {
                peers.Add(peer);
                most--;
            }
        }
    }

    private static bool IsWhole(byte kind, ref KrpcMessage message, Found has)
    {
        switch (kind)
        {
            case (byte)'q':
                message.Kind = KrpcKind.Query;
                return has.HasFlag(Found.Id) && message.Method switch
                {
                    KrpcMethod.FindNode or KrpcMethod.GetPeers or KrpcMethod.SampleInfohashes => has.HasFlag(Found.Target),
                    KrpcMethod.AnnouncePeer => has.HasFlag(Found.Target) && (message.Port != 0 || message.HasImpliedPort),
                    _ => true,
                };
            case (byte)'r':
                message.Kind = KrpcKind.Reply;
                return has.HasFlag(Found.Id);
            case (byte)'e':
                message.Kind = KrpcKind.Error;
                return true;
            default:
                return false;
        }
    }

    private static void ReadBody(ref BencodeReader reader, ref KrpcMessage message, ref Found has)
    {
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            switch (reader.Peek())
            {
                case BencodeKind.String:
                    ReadString(reader.ReadString(), key, ref message, ref has);
                    break;
                case BencodeKind.Integer:
                    ReadNumber(reader.ReadInteger(), key, ref message);
                    break;
                case BencodeKind.List when key.SequenceEqual("values"u8):
                    message.Peers = reader.ReadRaw();
                    break;
                case BencodeKind.List when key.SequenceEqual("want"u8):
                    message.Want = ReadWant(ref reader);
                    break;
                default:
                    break; // skipped
            }
        }
    }

    private static void ReadString(ReadOnlySpan<byte> value, ReadOnlySpan<byte> key, ref KrpcMessage message, ref Found has)
    {
        if (key.SequenceEqual("id"u8) && value.Length == NodeId.Length)
        {
            message.Id = new NodeId(value);
            has |= Found.Id;
        }
        else if ((key.SequenceEqual("target"u8) || key.SequenceEqual("info_hash"u8)) && value.Length == NodeId.Length)
        {
            message.Target = new NodeId(value);
            has |= Found.Target;
        }
        else if (key.SequenceEqual("token"u8) && value.Length <= MaximumTokenLength)
        {
            message.Token = value;
        }
        else if (key.SequenceEqual("nodes"u8))
        {
            message.Nodes = value;
        }
        else if (key.SequenceEqual("nodes6"u8))
        {
            message.Nodes6 = value;
        }
        else if (key.SequenceEqual("samples"u8))
        {
            message.Samples = value[..(value.Length - (value.Length % InfoHash.Length))];
        }
    }

    private static void ReadNumber(long value, ReadOnlySpan<byte> key, ref KrpcMessage message)
    {
        if (key.SequenceEqual("port"u8))
        {
            message.Port = value is > 0 and <= ushort.MaxValue ? (ushort)value : (ushort)0;
        }
        else if (key.SequenceEqual("implied_port"u8))
        {
            message.HasImpliedPort = value != 0;
        }
        else if (key.SequenceEqual("interval"u8))
        {
            message.SampleIntervalSeconds = (int)Math.Clamp(value, 0, 6 * 3600);
        }
        else if (key.SequenceEqual("num"u8))
        {
            message.SampleTotal = (int)Math.Clamp(value, 0, int.MaxValue);
        }
    }

    private static KrpcWant ReadWant(ref BencodeReader reader)
    {
        var want = KrpcWant.Unsaid;
        reader.EnterList();
        while (reader.NextItem())
        {
            if (reader.Peek() == BencodeKind.String)
            {
                var family = reader.ReadString();
                want |= family.SequenceEqual("n4"u8) ? KrpcWant.IPv4 : family.SequenceEqual("n6"u8) ? KrpcWant.IPv6 : KrpcWant.Unsaid;
            }
        }

        return want;
    }

    private static void ReadError(ref BencodeReader reader, ref KrpcMessage message)
    {
        reader.EnterList();
        while (reader.NextItem())
        {
            if (reader.Peek() == BencodeKind.Integer)
            {
                message.ErrorCode = (int)Math.Clamp(reader.ReadInteger(), 0, int.MaxValue);
            }
            else if (reader.Peek() == BencodeKind.String)
            {
                message.ErrorText = reader.ReadString();
            }
        }
    }

    private static PeerAddress ReadAddress(ReadOnlySpan<byte> bytes) =>
        bytes.Length is PeerAddress.CompactLengthIPv4 or PeerAddress.CompactLengthIPv6 ? PeerAddress.ReadCompact(bytes) : default;

    private static KrpcMethod MethodOf(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("ping"u8) ? KrpcMethod.Ping
        : name.SequenceEqual("find_node"u8) ? KrpcMethod.FindNode
        : name.SequenceEqual("get_peers"u8) ? KrpcMethod.GetPeers
        : name.SequenceEqual("announce_peer"u8) ? KrpcMethod.AnnouncePeer
        : name.SequenceEqual("sample_infohashes"u8) ? KrpcMethod.SampleInfohashes
        : KrpcMethod.Unknown;

    [Flags]
    private enum Found : byte
    {
        Id = 1,
        Target = 2,
    }
}
