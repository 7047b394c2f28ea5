using System.Buffers;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Wire;

/// <summary>What a <see cref="MetadataMessage"/> says; the numbers of the wire.</summary>
public enum MetadataMessageKind : byte
{
    Request = 0,
    Data = 1,
    Reject = 2,
}

/// <summary>
/// A message of the metadata extension (BEP 9): asks for, brings or refuses a piece of the info dictionary. Metadata
/// pieces are 16 KiB, the last one shorter; they have nothing to do with the content's pieces.
/// </summary>
/// <param name="Kind">Which message.</param>
/// <param name="Piece">The number of the metadata piece, from 0.</param>
/// <param name="TotalSize">Of Data: length in bytes of the whole info dictionary.</param>
/// <param name="Data">Of Data: the piece's bytes. A part of the message that was read.</param>
public readonly record struct MetadataMessage(
    MetadataMessageKind Kind, int Piece, int TotalSize = 0, ReadOnlyMemory<byte> Data = default)
{
    /// <summary>Bytes in every metadata piece but the last.</summary>
    public const int PieceLength = 16 * 1024;

    /// <summary>Reads the body of an extended message.</summary>
    public static ProtocolViolation? TryRead(ReadOnlyMemory<byte> body, out MetadataMessage message)
    {
        long kind = -1;
        long piece = -1;
        long total = 0;
        var reader = new BencodeReader(body.Span, BencodeOptions.UnsortedKeys);
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            if (key.SequenceEqual("msg_type"u8))
            {
                kind = reader.ReadInteger(0, byte.MaxValue);
            }
            else if (key.SequenceEqual("piece"u8))
            {
                piece = reader.ReadInteger(0, int.MaxValue);
            }
            else if (key.SequenceEqual("total_size"u8))
            {
                total = reader.ReadInteger(0, int.MaxValue);
            }
        }

        message = default;
        if (reader.Error is { } error)
        {
            return new ProtocolViolation($"metadata message: {error.Text}");
        }

        if (kind < 0 || piece < 0)
        {
            return new ProtocolViolation("metadata message: without type or piece");
        }

        var data = kind == (long)MetadataMessageKind.Data ? body[reader.Offset..] : default;
        if (data.Length > PieceLength)
        {
            return new ProtocolViolation($"metadata message: a piece of {data.Length} bytes");
        }

        message = new MetadataMessage((MetadataMessageKind)kind, (int)piece, (int)total, data);
        return null;
    }

    /// <summary>Writes the body of an extended message.</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        var writer = new BencodeWriter(output);
        writer.BeginDictionary();
        writer.WriteKey("msg_type"u8);
        writer.WriteInteger((byte)Kind);
        writer.WriteKey("piece"u8);
        writer.WriteInteger(Piece);
        if (Kind == MetadataMessageKind.Data)
        {
            writer.WriteKey("total_size"u8);
            writer.WriteInteger(TotalSize);
        }

        writer.End();
        if (Kind == MetadataMessageKind.Data)
        {
            output.Write(Data.Span);
        }
    }

    /// <summary>The whole as a message under the id that the receiver gave in its <see cref="ExtensionHandshake"/>.</summary>
    public PeerMessage ToMessage(byte id)
    {
        var body = new ArrayBufferWriter<byte>(64 + Data.Length);
        WriteTo(body);
        return PeerMessage.Extended(id, body.WrittenMemory);
    }
}
