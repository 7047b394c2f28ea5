using System.Buffers.Binary;

namespace Shoal.Protocol.Wire;

/// <summary>What <see cref="WireReader.Read"/> has come to.</summary>
public enum WireStatus : byte
{
    /// <summary>All input was taken, and the next message is not whole yet.</summary>
    NeedMore,

    /// <summary>A message; of a piece message its header only, whose payload is yet to be taken by <see cref="WireReader.TakePayload"/>.</summary>
    Message,

    /// <summary>The remote broke the protocol: see <see cref="WireReader.Violation"/>. It stays so.</summary>
    Violation,
}

/// <summary>
/// The framing of the peer wire protocol (BEP 3, 6, 10) as a pure machine: takes bytes split anywhere, gives messages.
/// The payload of a piece message stays with the driver, which can so receive it straight into its place. Memory is
/// bounded by the largest message and grows only as its bytes come in; at a message boundary there is none.
/// Not thread-safe.
/// </summary>
public sealed class WireReader
{
    /// <summary>The largest block we take, in bytes. Nobody asks for more than 16 KiB; 128 KiB is what others refuse above.</summary>
    public const int MaximumBlockLength = 128 * 1024;

    /// <summary>The largest body of an extended message we take, in bytes.</summary>
    public const int MaximumExtendedLength = 1024 * 1024;

    /// <summary>Bytes of a piece message before its payload: length, id, piece, begin.</summary>
    public const int PieceHeaderLength = 13;

    private const int PrefixLength = 4;

    // Of a message whose first part came alone; holds the handshake, or a message with its length prefix.
    private byte[]? _partial;
    private int _partialLength;
    private int _skip;
    private bool _hasHandshake;

    /// <summary>Bytes of a piece message's payload that are yet to come.</summary>
    public int PayloadRemaining { get; private set; }

    /// <summary>What the remote did wrong, or null.</summary>
    public ProtocolViolation? Violation { get; private set; }

    /// <summary>Whether the next byte is the first of a message behind the handshake.</summary>
    public bool IsAtBoundary =>
        _hasHandshake && _partialLength == 0 && PayloadRemaining == 0 && _skip == 0 && Violation is null;

    /// <summary>
    /// Takes the next message from the start of <paramref name="input"/> and moves it on. To be called until it says
    /// NeedMore; while <see cref="PayloadRemaining"/> is not 0, the payload must be taken first.
    /// </summary>
    public WireStatus Read(ref ReadOnlySpan<byte> input, out PeerMessage message)
    {
        if (PayloadRemaining > 0)
        {
            throw new InvalidOperationException("the payload has not been taken");
        }

        while (Violation is null)
        {
            if (_skip > 0)
            {
                var skipped = Math.Min(_skip, input.Length);
                _skip -= skipped;
                input = input[skipped..];
            }

            if (input.IsEmpty)
            {
                break;
            }

            if (_partialLength > 0)
            {
                if (!Complete(ref input))
                {
                    break;
                }

                ReadOnlySpan<byte> whole = _partial.AsSpan(0, _partialLength);
                (_partial, _partialLength) = (null, 0);
                if (TryDecode(ref whole, out message))
                {
                    return WireStatus.Message;
                }
            }
            else if (input.Length < Needed(input))
            {
                if (Violation is null)
                {
                    Keep(ref input, input.Length, input.Length);
                }

                break;
            }
            else if (TryDecode(ref input, out message))
            {
                return WireStatus.Message;
            }
        }

        message = default;
        return Violation is null ? WireStatus.NeedMore : WireStatus.Violation;
    }

    /// <summary>Tells that so many bytes of the payload have been taken.</summary>
    public void TakePayload(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)PayloadRemaining, nameof(count));
        PayloadRemaining -= count;
    }

    // Adds to what came before until a message is whole there. False if the input ends first, or on a violation.
    private bool Complete(ref ReadOnlySpan<byte> input)
    {
        while (true)
        {
            var needed = Needed(_partial.AsSpan(0, _partialLength));
            if (Violation is not null)
            {
                return false;
            }

            if (_partialLength == needed)
            {
                return true;
            }

            if (input.IsEmpty)
            {
                return false;
            }

            Keep(ref input, Math.Min(needed - _partialLength, input.Length), needed);
        }
    }

    // Room is made for what has come, not for what was promised.
    private void Keep(ref ReadOnlySpan<byte> input, int count, int needed)
    {
        var room = _partialLength + count;
        if (_partial is null || _partial.Length < room)
        {
            Array.Resize(ref _partial, Math.Max(room, Math.Min(needed, Math.Max(32, room * 2))));
        }

        input[..count].CopyTo(_partial.AsSpan(_partialLength));
        _partialLength += count;
        input = input[count..];
    }

    // How many bytes it takes to decode or to know more. Checks what can be checked: a lie is refused at its first wrong byte.
    private int Needed(ReadOnlySpan<byte> bytes)
    {
        if (!_hasHandshake)
        {
            if (!Handshake.CouldBegin(bytes))
            {
                Fail("the first bytes are not a BitTorrent handshake");
            }

            return Handshake.Length;
        }

        if (bytes.Length < PrefixLength)
        {
            return PrefixLength;
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        if (length == 0)
        {
            return PrefixLength;
        }

        if (length > MaximumExtendedLength + 2)
        {
            Fail($"a message of {length} bytes");
            return PrefixLength;
        }

        if (bytes.Length == PrefixLength)
        {
            return PrefixLength + 1;
        }

        return PrefixLength + NeededFor((PeerMessageKind)bytes[PrefixLength], (int)length);
    }

    // Of the message's length (with its id), what must be here before it can be decoded.
    private int NeededFor(PeerMessageKind kind, int length)
    {
        var (least, greatest) = kind switch
        {
            PeerMessageKind.Choke or PeerMessageKind.Unchoke or PeerMessageKind.Interested or PeerMessageKind.NotInterested
                or PeerMessageKind.HaveAll or PeerMessageKind.HaveNone => (1, 1),
            PeerMessageKind.Have or PeerMessageKind.SuggestPiece or PeerMessageKind.AllowedFast => (5, 5),
            PeerMessageKind.Request or PeerMessageKind.Cancel or PeerMessageKind.RejectRequest => (13, 13),
            PeerMessageKind.Port => (3, 3),
            PeerMessageKind.Piece => (9, 9 + MaximumBlockLength),
            PeerMessageKind.Bitfield => (1, 1 + (PieceLayout.MaximumPieceCount / 8)),
            PeerMessageKind.Extended => (2, 2 + MaximumExtendedLength),
            _ => (1, MaximumExtendedLength),
        };
        if (length < least || length > greatest)
        {
            Fail($"a message of kind {kind} with {length} bytes");
        }

        return kind switch
        {
            PeerMessageKind.Piece => 9,
            _ when !IsKnown(kind) => 1,
            _ => length,
        };
    }

    // Decodes what Needed has found to be there. False: it was something to skip, or a violation.
    private bool TryDecode(ref ReadOnlySpan<byte> input, out PeerMessage message)
    {
        message = default;
        if (Violation is not null)
        {
            return false;
        }

        if (!_hasHandshake)
        {
            message = new PeerMessage(PeerMessageKind.Handshake, Payload: input[..Handshake.Length].ToArray());
            input = input[Handshake.Length..];
            _hasHandshake = true;
            return true;
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(input);
        if (length == 0)
        {
            message = new PeerMessage(PeerMessageKind.KeepAlive);
            input = input[PrefixLength..];
            return true;
        }

        var kind = (PeerMessageKind)input[PrefixLength];
        if (kind == PeerMessageKind.Piece)
        {
            return TryDecodePiece(ref input, length, out message);
        }

        if (!IsKnown(kind))
        {
            _skip = length - 1;
            input = input[(PrefixLength + 1)..];
            return false;
        }

        message = Decode(kind, input[(PrefixLength + 1)..(PrefixLength + length)]);
        input = input[(PrefixLength + length)..];
        if (message.Piece.Value < 0 || message.Begin < 0 || message.Length < 0)
        {
            Fail($"a message of kind {kind} with a number beyond 2^31");
            return false;
        }

        return true;
    }

    private bool TryDecodePiece(ref ReadOnlySpan<byte> input, int length, out PeerMessage message)
    {
        message = new PeerMessage(
            PeerMessageKind.Piece,
            new PieceIndex(BinaryPrimitives.ReadInt32BigEndian(input[5..])),
            BinaryPrimitives.ReadInt32BigEndian(input[9..]),
            length - 9);
        input = input[PieceHeaderLength..];
        if (message.Piece.Value < 0 || message.Begin < 0)
        {
            Fail("a block with a number beyond 2^31");
            return false;
        }

        PayloadRemaining = message.Length;
        return true;
    }

    private static PeerMessage Decode(PeerMessageKind kind, ReadOnlySpan<byte> body) => kind switch
    {
        PeerMessageKind.Have or PeerMessageKind.SuggestPiece or PeerMessageKind.AllowedFast =>
            new PeerMessage(kind, new PieceIndex(BinaryPrimitives.ReadInt32BigEndian(body))),
        PeerMessageKind.Request or PeerMessageKind.Cancel or PeerMessageKind.RejectRequest =>
            new PeerMessage(
                kind,
                new PieceIndex(BinaryPrimitives.ReadInt32BigEndian(body)),
                BinaryPrimitives.ReadInt32BigEndian(body[4..]),
                BinaryPrimitives.ReadInt32BigEndian(body[8..])),
        PeerMessageKind.Port => new PeerMessage(kind, Begin: BinaryPrimitives.ReadUInt16BigEndian(body)),
        PeerMessageKind.Bitfield => new PeerMessage(kind, Payload: body.ToArray()),
        PeerMessageKind.Extended => new PeerMessage(kind, Begin: body[0], Payload: body[1..].ToArray()),
        _ => new PeerMessage(kind),
    };

    private static bool IsKnown(PeerMessageKind kind) =>
        kind is <= PeerMessageKind.Port or (>= PeerMessageKind.SuggestPiece and <= PeerMessageKind.AllowedFast) or PeerMessageKind.Extended;

    private void Fail(string text) => Violation ??= new ProtocolViolation(text);
}
