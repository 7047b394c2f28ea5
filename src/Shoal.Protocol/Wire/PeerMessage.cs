namespace Shoal.Protocol.Wire;

/// <summary>The kinds of peer wire messages. Values up to 20 are the wire's own ids (BEP 3, 6, 10).</summary>
public enum PeerMessageKind : byte
{
    Choke = 0,
    Unchoke = 1,
    Interested = 2,
    NotInterested = 3,
    Have = 4,
    Bitfield = 5,
    Request = 6,

    /// <summary>A block. Its payload never stands in a <see cref="PeerMessage"/>.</summary>
    Piece = 7,
    Cancel = 8,

    /// <summary>The port of the sender's DHT node (BEP 5), in <see cref="PeerMessage.Begin"/>.</summary>
    Port = 9,

    /// <summary>BEP 6.</summary>
    SuggestPiece = 13,
    HaveAll = 14,
    HaveNone = 15,
    RejectRequest = 16,
    AllowedFast = 17,

    /// <summary>BEP 10: extension id in <see cref="PeerMessage.Begin"/> (0 is the extension handshake), body in the payload.</summary>
    Extended = 20,

    /// <summary>Not on the wire by this id: the 68 bytes that open a connection.</summary>
    Handshake = 0xfe,

    /// <summary>Not on the wire by this id: a message of length zero.</summary>
    KeepAlive = 0xff,
}

/// <summary>
/// One peer wire message without framing: the unit that links carry between engines. A small value; only rare
/// kinds (bitfield, extended, handshake) bring a <see cref="Payload"/>, which the receiver may keep.
/// </summary>
/// <param name="Kind">Which message.</param>
/// <param name="Piece">The piece, where the kind has one.</param>
/// <param name="Begin">Offset in the piece in bytes; or the extension id; or the DHT port.</param>
/// <param name="Length">Length of the block in bytes, where the kind has one.</param>
/// <param name="Payload">The bitfield's bytes, the extended message's body, or the handshake's 68 bytes.</param>
public readonly record struct PeerMessage(
    PeerMessageKind Kind,
    PieceIndex Piece = default,
    int Begin = 0,
    int Length = 0,
    ReadOnlyMemory<byte> Payload = default)
{
    /// <summary>The block that a request, piece, cancel or reject speaks of.</summary>
    public BlockRequest Block => new(Piece, Begin, Length);

    public static PeerMessage Have(PieceIndex piece) => new(PeerMessageKind.Have, piece);

    public static PeerMessage Suggest(PieceIndex piece) => new(PeerMessageKind.SuggestPiece, piece);

    public static PeerMessage Request(BlockRequest block) => OfBlock(PeerMessageKind.Request, block);

    public static PeerMessage Cancel(BlockRequest block) => OfBlock(PeerMessageKind.Cancel, block);

    public static PeerMessage Reject(BlockRequest block) => OfBlock(PeerMessageKind.RejectRequest, block);

    public static PeerMessage AllowedFast(PieceIndex piece) => new(PeerMessageKind.AllowedFast, piece);

    public static PeerMessage Bitfield(ReadOnlyMemory<byte> bits) => new(PeerMessageKind.Bitfield, Payload: bits);

    public static PeerMessage Extended(int id, ReadOnlyMemory<byte> body) => new(PeerMessageKind.Extended, Begin: id, Payload: body);

    private static PeerMessage OfBlock(PeerMessageKind kind, BlockRequest block) =>
        new(kind, block.Piece, block.Begin, block.Length);
}
