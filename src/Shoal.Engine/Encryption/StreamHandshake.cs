using System.Buffers.Binary;
using System.Security.Cryptography;
using Shoal.Protocol;
using Shoal.Protocol.Encryption;

namespace Shoal.Engine.Encryption;

/// <summary>
/// The handshake of message stream encryption (MSE/PE): a key exchange that looks like noise, and a test that both mean the same
/// torrent. Either side's machine: what came in is given to <see cref="Receive"/>, what it wants sent is taken from
/// <see cref="TakeOutput"/>. It holds at most some 10 KB, fails as soon as what it looks for can no longer come, and knows no
/// time: its driver gives it some seconds. Not thread-safe.
/// </summary>
public sealed class StreamHandshake
{
    /// <summary>Bytes of chance that a machine needs: its secret, the length of its padding, and the padding.</summary>
    public const int ChanceLength = KeyExchange.SecretLength + sizeof(ushort) + MaximumPadding;

    /// <summary>The most padding that there may be in each place (spec: 512).</summary>
    private const int MaximumPadding = 512;

    /// <summary>The most of the stream that an initiator may send with its handshake; clients send a BitTorrent handshake or nothing.</summary>
    private const int MaximumFirstLength = 8192;

    private const int VerificationLength = 8;
    private const int MethodLength = 4;

    private readonly KeyExchange _exchange;
    private readonly StreamMethods _allowed;
    private readonly InfoHash _wanted;                       // the initiator's
    private readonly Func<PieceHash, InfoHash?>? _find;      // the responder's
    private readonly byte[] _padding;
    private readonly List<byte> _output = [];
    private byte[] _input = [];
    private int _inputLength;
    private byte[] _common = [];
    private byte[] _mark = [];                               // what the padding ends with
    private Rc4? _incoming;
    private Rc4? _outgoing;
    private StreamMethods _method;
    private int _paddingLength;
    private Step _step = Step.Key;

    private StreamHandshake(StreamMethods allowed, ReadOnlySpan<byte> chance, InfoHash wanted, Func<PieceHash, InfoHash?>? find)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(chance.Length, ChanceLength, nameof(chance));
        ArgumentOutOfRangeException.ThrowIfEqual(allowed, StreamMethods.None, nameof(allowed));
        (_allowed, _wanted, _find) = (allowed, wanted, find);
        _exchange = new KeyExchange(chance[..KeyExchange.SecretLength]);
        chance = chance[KeyExchange.SecretLength..];
        var length = BinaryPrimitives.ReadUInt16BigEndian(chance) % (MaximumPadding + 1);
        _padding = chance.Slice(sizeof(ushort), length).ToArray();
    }

    private enum Step
    {
        Key,
        Mark,
        Torrent,
        Offer,
        OfferPadding,
        First,
        Choice,
        ChoicePadding,
    }

    /// <summary>Where it stands.</summary>
    public StreamHandshakeState State { get; private set; }

    /// <summary>Why it failed: one line.</summary>
    public string? Failure { get; private set; }

    /// <summary>What it led to.</summary>
    public StreamAgreement? Result { get; private set; }

    /// <summary>The torrent that both mean.</summary>
    public InfoHash InfoHash { get; private set; }

    /// <summary>The side that connects.</summary>
    /// <param name="infoHash">The torrent.</param>
    /// <param name="offered">What it offers.</param>
    /// <param name="chance"><see cref="ChanceLength"/> bytes that nobody can guess.</param>
    public static StreamHandshake Initiate(InfoHash infoHash, StreamMethods offered, ReadOnlySpan<byte> chance)
    {
        var handshake = new StreamHandshake(offered, chance, infoHash, null);
        handshake.SendKey();
        return handshake;
    }

    /// <summary>
    /// The side that was connected to. Of what is offered it chooses the clear if it may: the cipher costs two thirds of the speed,
    /// and whoever wants it offers nothing else.
    /// </summary>
    /// <param name="find">Finds a torrent of ours by its <see cref="MarkOf"/>.</param>
    /// <param name="allowed">What it accepts.</param>
    /// <param name="chance"><see cref="ChanceLength"/> bytes that nobody can guess.</param>
    public static StreamHandshake Respond(Func<PieceHash, InfoHash?> find, StreamMethods allowed, ReadOnlySpan<byte> chance) =>
        new(allowed, chance, default, find ?? throw new ArgumentNullException(nameof(find)));

    /// <summary>What an initiator calls the torrent by.</summary>
    public static PieceHash MarkOf(InfoHash infoHash) => new(StreamHash.Of("req2", infoHash.ToArray()));

    /// <summary>Takes the next bytes of the other side.</summary>
    public StreamHandshakeState Receive(ReadOnlySpan<byte> bytes)
    {
        if (State != StreamHandshakeState.Waiting)
        {
            throw new InvalidOperationException("the handshake has ended");
        }

        if (_input.Length < _inputLength + bytes.Length)
        {
            Array.Resize(ref _input, Math.Max(_inputLength + bytes.Length, 2 * _input.Length));
        }

        bytes.CopyTo(_input.AsSpan(_inputLength));
        _inputLength += bytes.Length;
        while (State == StreamHandshakeState.Waiting && Advance())
        {
        }

        return State;
    }

    /// <summary>Takes what is to be sent, in order; empty if nothing is.</summary>
    public byte[] TakeOutput()
    {
        byte[] output = [.. _output];
        _output.Clear();
        return output;
    }

    // One step; false if there is too little for it.
    private bool Advance() => _step switch
    {
        Step.Key => TakeKey(),
        Step.Mark => FindMark(),
        Step.Torrent => TakeTorrent(),
        Step.Offer => TakeOffer(),
        Step.OfferPadding => TakeOfferPadding(),
        Step.First => TakeFirst(),
        Step.Choice => TakeChoice(),
        _ => TakeChoicePadding(),
    };

    private void SendKey()
    {
        _output.AddRange(_exchange.PublicKey.Span);
        _output.AddRange(_padding);
    }

    private bool TakeKey()
    {
        if (_inputLength < KeyExchange.KeyLength)
        {
            return false;
        }

        if (_exchange.AgreeWith(_input.AsSpan(0, KeyExchange.KeyLength)) is not { } common)
        {
            return Fail("the peer sent a worthless key for the encryption");
        }

        _common = common;
        Drop(KeyExchange.KeyLength);
        if (_find is null)
        {
            Offer();
            _mark = new byte[VerificationLength];
            _incoming!.Apply(_mark); // zeros, encrypted as they will come
        }
        else
        {
            SendKey();
            _mark = StreamHash.Of("req1", _common);
        }

        _step = Step.Mark;
        return true;
    }

    private void Offer()
    {
        InfoHash = _wanted;
        MakeCiphers(isInitiator: true);
        _output.AddRange(StreamHash.Of("req1", _common));
        var torrent = StreamHash.Of("req2", _wanted.ToArray());
        StreamHash.Mix(torrent, StreamHash.Of("req3", _common));
        _output.AddRange(torrent);

        // No padding, and nothing of the stream yet.
        Span<byte> offer = stackalloc byte[VerificationLength + MethodLength + sizeof(ushort) + sizeof(ushort)];
        offer.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(offer[VerificationLength..], (uint)_allowed);
        SendEncrypted(offer);
    }

    private bool FindMark()
    {
        var at = _input.AsSpan(0, _inputLength).IndexOf(_mark);
        if (at > MaximumPadding || (at < 0 && _inputLength >= MaximumPadding + _mark.Length))
        {
            return Fail("the peer speaks neither BitTorrent nor its encryption, or means another torrent");
        }

        if (at < 0)
        {
            return false;
        }

        Drop(at + _mark.Length);
        _step = _find is null ? Step.Choice : Step.Torrent;
        return true;
    }

    private bool TakeTorrent()
    {
        if (_inputLength < SHA1.HashSizeInBytes)
        {
            return false;
        }

        var mark = _input.AsSpan(0, SHA1.HashSizeInBytes);
        StreamHash.Mix(mark, StreamHash.Of("req3", _common));
        if (_find!(new PieceHash(mark)) is not { } infoHash)
        {
            return Fail("the peer wants a torrent that is not here");
        }

        InfoHash = infoHash;
        MakeCiphers(isInitiator: false);
        Drop(SHA1.HashSizeInBytes);
        _step = Step.Offer;
        return true;
    }

    private bool TakeOffer()
    {
        const int length = VerificationLength + MethodLength + sizeof(ushort);
        if (!TryDecrypt(length, out var offer))
        {
            return false;
        }

        if (offer[..VerificationLength].ContainsAnyExcept((byte)0))
        {
            return Fail("the peer's encryption does not fit ours");
        }

        var offered = (StreamMethods)BinaryPrimitives.ReadUInt32BigEndian(offer[VerificationLength..]) & _allowed;
        _method = offered.HasFlag(StreamMethods.Plain) ? StreamMethods.Plain : offered & StreamMethods.Rc4;
        if (_method == StreamMethods.None)
        {
            return Fail("the peer offers no kind of encryption that we accept");
        }

        return TakePaddingLength(offer[(VerificationLength + MethodLength)..], Step.OfferPadding, length);
    }

    private bool TakeOfferPadding()
    {
        if (!TryDecrypt(_paddingLength + sizeof(ushort), out var rest))
        {
            return false;
        }

        var firstLength = BinaryPrimitives.ReadUInt16BigEndian(rest[_paddingLength..]);
        Drop(rest.Length);
        if (firstLength > MaximumFirstLength)
        {
            return Fail($"the peer sends {firstLength} bytes with its handshake");
        }

        _paddingLength = firstLength;
        _step = Step.First;
        return true;
    }

    private bool TakeFirst()
    {
        if (!TryDecrypt(_paddingLength, out _))
        {
            return false;
        }

        Span<byte> choice = stackalloc byte[VerificationLength + MethodLength + sizeof(ushort)];
        choice.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(choice[VerificationLength..], (uint)_method);
        SendEncrypted(choice);
        return Agree(_paddingLength);
    }

    private bool TakeChoice()
    {
        const int length = MethodLength + sizeof(ushort);
        if (!TryDecrypt(length, out var choice))
        {
            return false;
        }

        _method = (StreamMethods)BinaryPrimitives.ReadUInt32BigEndian(choice);
        if (_method is not (StreamMethods.Plain or StreamMethods.Rc4) || !_allowed.HasFlag(_method))
        {
            return Fail("the peer chose a kind of encryption that was not offered");
        }

        return TakePaddingLength(choice[MethodLength..], Step.ChoicePadding, length);
    }

    private bool TakeChoicePadding()
    {
        if (!TryDecrypt(_paddingLength, out _))
        {
            return false;
        }

        Drop(_paddingLength);
        return Agree(0);
    }

    private bool TakePaddingLength(ReadOnlySpan<byte> bytes, Step next, int taken)
    {
        _paddingLength = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        Drop(taken);
        if (_paddingLength > MaximumPadding)
        {
            return Fail($"the peer pads its handshake with {_paddingLength} bytes");
        }

        _step = next;
        return true;
    }

    // What is left of the input belongs to the stream; of it, so many bytes are decrypted already.
    private bool Agree(int decrypted)
    {
        var first = _input.AsSpan(0, _inputLength).ToArray();
        if (_method == StreamMethods.Rc4)
        {
            _incoming!.Apply(first.AsSpan(decrypted));
        }

        Result = _method == StreamMethods.Rc4
            ? new StreamAgreement(_method, _incoming, _outgoing, first)
            : new StreamAgreement(_method, null, null, first);
        State = StreamHandshakeState.Agreed;
        (_input, _inputLength) = ([], 0);
        return true;
    }

    private bool Fail(string reason)
    {
        Failure = reason;
        State = StreamHandshakeState.Failed;
        (_input, _inputLength) = ([], 0);
        return true;
    }

    // The whole of a step's bytes, decrypted in their place: each is decrypted once, since the step then ends.
    private bool TryDecrypt(int length, out Span<byte> bytes)
    {
        bytes = default;
        if (_inputLength < length)
        {
            return false;
        }

        bytes = _input.AsSpan(0, length);
        _incoming!.Apply(bytes);
        return true;
    }

    private void SendEncrypted(Span<byte> bytes)
    {
        _outgoing!.Apply(bytes);
        _output.AddRange(bytes);
    }

    private void MakeCiphers(bool isInitiator)
    {
        var (a, b) = (CipherOf("keyA"), CipherOf("keyB"));
        (_outgoing, _incoming) = isInitiator ? (a, b) : (b, a);
    }

    private Rc4 CipherOf(string name) => new(StreamHash.Of(name, [.. _common, .. InfoHash.ToArray()]));

    private void Drop(int count)
    {
        _input.AsSpan(count, _inputLength - count).CopyTo(_input);
        _inputLength -= count;
    }
}
