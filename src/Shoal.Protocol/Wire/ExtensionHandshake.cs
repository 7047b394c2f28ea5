using System.Buffers;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Wire;

/// <summary>
/// The extension handshake (BEP 10): extended message 0. What a peer leaves out, or says in a wrong type or beyond
/// reason, counts as not said, so that what an earlier one said still holds; only what is no bencoded dictionary is a violation.
/// </summary>
public sealed record ExtensionHandshake
{
    /// <summary>The id of the handshake itself among extended messages.</summary>
    public const int Id = 0;

    /// <summary>The largest info dictionary we believe in, in bytes.</summary>
    public const int MaximumMetadataSize = 64 * 1024 * 1024;

    /// <summary>The id under which the sender wants metadata messages (BEP 9, "ut_metadata"); 0 for none any more, null if it does not say.</summary>
    public byte? MetadataId { get; init; }

    /// <summary>The id under which the sender wants peer exchange (BEP 11, "ut_pex"); 0 for none any more, null if it does not say.</summary>
    public byte? PexId { get; init; }

    /// <summary>Whether the sender would rather be spoken to encrypted ("e").</summary>
    public bool PrefersEncryption { get; init; }

    /// <summary>The sender's name and version, or null.</summary>
    public string? ClientVersion { get; init; }

    /// <summary>The port the sender listens on; 0 if it does not say.</summary>
    public ushort ListenPort { get; init; }

    /// <summary>How many requests the sender keeps unanswered without dropping any ("reqq"); 0 if it does not say.</summary>
    public int RequestQueueLength { get; init; }

    /// <summary>Length in bytes of the info dictionary; 0 if the sender does not have it.</summary>
    public int MetadataSize { get; init; }

    /// <summary>How the sender sees the receiver: an address with port 0, or the default.</summary>
    public PeerAddress YourAddress { get; init; }

    /// <summary>Reads the body of the message.</summary>
    public static ProtocolViolation? TryRead(ReadOnlySpan<byte> body, out ExtensionHandshake handshake)
    {
        handshake = new ExtensionHandshake();
        var reader = new BencodeReader(body, BencodeOptions.UnsortedKeys);
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            switch (reader.Peek())
            {
                case BencodeKind.Dictionary when key.SequenceEqual("m"u8):
                    handshake = ReadIds(ref reader, handshake);
                    break;
                case BencodeKind.String when key.SequenceEqual("v"u8):
                    var version = reader.ReadString();
                    handshake = handshake with { ClientVersion = System.Text.Encoding.UTF8.GetString(version[..Math.Min(version.Length, 100)]) };
                    break;
                case BencodeKind.String when key.SequenceEqual("yourip"u8):
                    var address = reader.ReadString();
                    handshake = address.Length is 4 or 16 ? handshake with { YourAddress = PeerAddress.FromBytes(address, 0) } : handshake;
                    break;
                case BencodeKind.Integer when key.SequenceEqual("e"u8):
                    handshake = handshake with { PrefersEncryption = reader.ReadInteger() == 1 };
                    break;
                case BencodeKind.Integer when key.SequenceEqual("p"u8):
                    handshake = handshake with { ListenPort = (ushort)Within(reader.ReadInteger(), ushort.MaxValue) };
                    break;
                case BencodeKind.Integer when key.SequenceEqual("reqq"u8):
                    handshake = handshake with { RequestQueueLength = Within(reader.ReadInteger(), 1_000_000) };
                    break;
                case BencodeKind.Integer when key.SequenceEqual("metadata_size"u8):
                    handshake = handshake with { MetadataSize = Within(reader.ReadInteger(), MaximumMetadataSize) };
                    break;
                default:
                    break; // NextKey skips what nobody read
            }
        }

        return reader.Error is { } error ? new ProtocolViolation($"extension handshake: {error.Text}") : null;
    }

    /// <summary>Writes the body of the message.</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        var writer = new BencodeWriter(output);
        writer.BeginDictionary();
        WriteInteger(writer, "e"u8, PrefersEncryption ? 1 : 0);
        writer.WriteKey("m"u8);
        writer.BeginDictionary();
        WriteId(writer, "ut_metadata"u8, MetadataId);
        WriteId(writer, "ut_pex"u8, PexId);
        writer.End();
        WriteInteger(writer, "metadata_size"u8, MetadataSize);
        WriteInteger(writer, "p"u8, ListenPort);
        WriteInteger(writer, "reqq"u8, RequestQueueLength);
        if (ClientVersion is not null)
        {
            writer.WriteKey("v"u8);
            writer.WriteText(ClientVersion);
        }

        if (YourAddress.Kind is PeerAddressKind.IPv4 or PeerAddressKind.IPv6)
        {
            Span<byte> address = stackalloc byte[16];
            writer.WriteKey("yourip"u8);
            writer.WriteString(address[..YourAddress.WriteAddress(address)]);
        }

        writer.End();
    }

    /// <summary>The whole as a message.</summary>
    public PeerMessage ToMessage()
    {
        var body = new ArrayBufferWriter<byte>(128);
        WriteTo(body);
        return PeerMessage.Extended(Id, body.WrittenMemory);
    }

    private static ExtensionHandshake ReadIds(ref BencodeReader reader, ExtensionHandshake handshake)
    {
        reader.EnterDictionary();
        while (reader.NextKey(out var name))
        {
            if (reader.Peek() != BencodeKind.Integer)
            {
                continue;
            }

            if (name.SequenceEqual("ut_metadata"u8))
            {
                handshake = handshake with { MetadataId = ReadId(ref reader) };
            }
            else if (name.SequenceEqual("ut_pex"u8))
            {
                handshake = handshake with { PexId = ReadId(ref reader) };
            }
        }

        return handshake;
    }

    private static byte? ReadId(ref BencodeReader reader) => reader.ReadInteger() is >= 0 and <= byte.MaxValue and var id ? (byte)id : null;

    private static int Within(long value, int greatest) => value >= 0 && value <= greatest ? (int)value : 0;

    private static void WriteId(BencodeWriter writer, ReadOnlySpan<byte> name, byte? id)
    {
        if (id is { } value)
        {
            writer.WriteKey(name);
            writer.WriteInteger(value);
        }
    }

    private static void WriteInteger(BencodeWriter writer, ReadOnlySpan<byte> key, int value)
    {
        if (value != 0)
        {
            writer.WriteKey(key);
            writer.WriteInteger(value);
        }
    }
}
