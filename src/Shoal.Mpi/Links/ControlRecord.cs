using System.Buffers;
using System.Buffers.Binary;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Mpi.Links;

/// <summary>What a record of a control message says.</summary>
internal enum ControlKind : byte
{
    /// <summary>The sender opens a link.</summary>
    Open = 1,

    /// <summary>A peer wire message, but for requests, rejects and payloads.</summary>
    Message,

    /// <summary>A request, with the reply slot that waits for its payload.</summary>
    Request,

    /// <summary>No payload will come for the slot.</summary>
    Refuse,

    /// <summary>The sender has closed the link; for every request it had, it has refused or will send.</summary>
    Close,

    /// <summary>The sender's loop still turns; speaks of no link.</summary>
    Alive,

    /// <summary>The last record of all from that rank; speaks of no link.</summary>
    Farewell,
}

/// <summary>
/// A link between two ranks, as both name it: by the number that the one who opened it gave. Two ranks may open links to
/// each other with the same number, so the one who opened it is part of the name.
/// </summary>
internal readonly record struct LinkName(int Opener, long Number);

/// <summary>One record of a control message.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Link">Of which link it speaks.</param>
/// <param name="Slot">The reply slot of Request and Refuse.</param>
/// <param name="Message">The peer wire message; of Request and Refuse its block, of Close the reason as UTF-8 payload.</param>
internal readonly record struct ControlRecord(ControlKind Kind, LinkName Link, int Slot = 0, PeerMessage Message = default)
{
    // kind, wire kind, opener, number, slot, piece, begin, length, payload length
    private const int HeaderLength = 1 + 1 + 4 + 8 + 4 + 4 + 4 + 4 + 4;

    /// <summary>Bytes as written.</summary>
    public int EncodedLength => HeaderLength + Message.Payload.Length;

    /// <summary>Writes the record.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        var bytes = output.GetSpan(EncodedLength);
        bytes[0] = (byte)Kind;
        bytes[1] = (byte)Message.Kind;
        BinaryPrimitives.WriteInt32LittleEndian(bytes[2..], Link.Opener);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[6..], Link.Number);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[14..], Slot);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[18..], Message.Piece.Value);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[22..], Message.Begin);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[26..], Message.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[30..], Message.Payload.Length);
        Message.Payload.Span.CopyTo(bytes[HeaderLength..]);
        output.Advance(EncodedLength);
    }

    /// <summary>Reads one record from the beginning, and cuts it off; false if it is none.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> bytes, out ControlRecord record)
    {
        record = default;
        if (bytes.Length < HeaderLength)
        {
            return false;
        }

        var payloadLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[30..]);
        if (payloadLength < 0 || payloadLength > bytes.Length - HeaderLength || bytes[0] is < (byte)ControlKind.Open or > (byte)ControlKind.Farewell)
        {
            return false;
        }

        record = new ControlRecord(
            (ControlKind)bytes[0],
            new LinkName(BinaryPrimitives.ReadInt32LittleEndian(bytes[2..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[6..])),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[14..]),
            new PeerMessage(
                (PeerMessageKind)bytes[1],
                new PieceIndex(BinaryPrimitives.ReadInt32LittleEndian(bytes[18..])),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[22..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[26..]),
                payloadLength == 0 ? default : bytes.Slice(HeaderLength, payloadLength).ToArray()));
        bytes = bytes[(HeaderLength + payloadLength)..];
        return true;
    }
}
