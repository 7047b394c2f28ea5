using System.Buffers;
using System.Buffers.Binary;

namespace Shoal.Protocol.Wire;

/// <summary>Turns messages into the bytes of the peer wire protocol (BEP 3, 6, 10): the other half of <see cref="WireReader"/>.</summary>
public static class WireWriter
{
    /// <summary>How many bytes <see cref="Write(Span{byte}, in PeerMessage)"/> writes. Of a piece message: its header only.</summary>
    public static int LengthOf(in PeerMessage message) => message.Kind switch
    {
        PeerMessageKind.Handshake => Handshake.Length,
        PeerMessageKind.KeepAlive => 4,
        PeerMessageKind.Have or PeerMessageKind.SuggestPiece or PeerMessageKind.AllowedFast => 9,
        PeerMessageKind.Request or PeerMessageKind.Cancel or PeerMessageKind.RejectRequest => 17,
        PeerMessageKind.Piece => WireReader.PieceHeaderLength,
        PeerMessageKind.Port => 7,
        PeerMessageKind.Bitfield => 5 + message.Payload.Length,
        PeerMessageKind.Extended => 6 + message.Payload.Length,
        _ => 5,
    };

    /// <summary>
    /// Writes the message and returns its length in bytes. Of a piece message only the header is written; its payload
    /// of <see cref="PeerMessage.Length"/> bytes must follow.
    /// </summary>
    public static int Write(Span<byte> destination, in PeerMessage message)
    {
        var length = LengthOf(message);
        destination = destination[..length];
        if (message.Kind == PeerMessageKind.Handshake)
        {
            message.Payload.Span.CopyTo(destination);
            return length;
        }

        var payload = message.Kind == PeerMessageKind.Piece ? message.Length : 0;
        BinaryPrimitives.WriteInt32BigEndian(destination, length - 4 + payload);
        if (message.Kind == PeerMessageKind.KeepAlive)
        {
            return length;
        }

        destination[4] = (byte)message.Kind;
        WriteBody(destination[5..], message);
        return length;
    }

    /// <summary>Writes the message.</summary>
    public static void Write(IBufferWriter<byte> output, in PeerMessage message)
    {
        ArgumentNullException.ThrowIfNull(output);
        var length = LengthOf(message);
        output.Advance(Write(output.GetSpan(length), message));
    }

    private static void WriteBody(Span<byte> body, in PeerMessage message)
    {
        switch (message.Kind)
        {
            case PeerMessageKind.Have or PeerMessageKind.SuggestPiece or PeerMessageKind.AllowedFast:
                BinaryPrimitives.WriteInt32BigEndian(body, message.Piece.Value);
                break;
            case PeerMessageKind.Request or PeerMessageKind.Cancel or PeerMessageKind.RejectRequest:
                BinaryPrimitives.WriteInt32BigEndian(body, message.Piece.Value);
                BinaryPrimitives.WriteInt32BigEndian(body[4..], message.Begin);
                BinaryPrimitives.WriteInt32BigEndian(body[8..], message.Length);
                break;
            case PeerMessageKind.Piece:
                BinaryPrimitives.WriteInt32BigEndian(body, message.Piece.Value);
                BinaryPrimitives.WriteInt32BigEndian(body[4..], message.Begin);
                break;
            case PeerMessageKind.Port:
                BinaryPrimitives.WriteUInt16BigEndian(body, (ushort)message.Begin);
                break;
            case PeerMessageKind.Bitfield:
                message.Payload.Span.CopyTo(body);
                break;
            case PeerMessageKind.Extended:
                body[0] = (byte)message.Begin;
                message.Payload.Span.CopyTo(body[1..]);
                break;
            default:
                break;
        }
    }
}
