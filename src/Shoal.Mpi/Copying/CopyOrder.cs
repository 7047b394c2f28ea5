using System.Text;
using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>What a rank of a copy tells others under <see cref="Links.Tags.Job"/>.</summary>
internal enum CopyOrderKind : byte
{
    /// <summary>From the first rank: it is over; the reason is empty if all is well.</summary>
    Stop = 1,

    /// <summary>From a reader to all: no reader can read the piece.</summary>
    GiveUp,

    /// <summary>From a reader to the next one: read the piece, which is not of your share.</summary>
    ReadInstead,
}

/// <summary>One such message.</summary>
internal readonly record struct CopyOrder(CopyOrderKind Kind, PieceIndex Piece = default, string Reason = "")
{
    public byte[] Encode() => [(byte)Kind, .. BitConverter.GetBytes(Piece.Value), .. Encoding.UTF8.GetBytes(Reason)];

    public static CopyOrder Decode(ReadOnlySpan<byte> bytes) =>
        new((CopyOrderKind)bytes[0], new PieceIndex(BitConverter.ToInt32(bytes[1..])), Encoding.UTF8.GetString(bytes[5..]));
}
