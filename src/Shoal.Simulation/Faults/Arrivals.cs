using Shoal.Engine;
using Shoal.Protocol.Wire;

namespace Shoal.Simulation.Faults;

/// <summary>
/// What is on its way to one end of a link. As bytes, it goes through the production codec, and what comes out is held against what
/// went in. Invariant: arrivals never overtake each other.
/// </summary>
internal sealed class Arrivals
{
    private const byte CorruptByte = 0xbd;

    private readonly WireReader _reader = new();
    private readonly Queue<PeerMessage> _written = new();
    private readonly List<byte> _arrived = [];
    private bool? _isCorrupt; // of the block whose payload is being read: known from its first byte

    /// <summary>When the last thing that is on its way arrives.</summary>
    public Instant LastAt { get; set; }

    /// <summary>Parts that are on their way.</summary>
    public int UnderWayCount { get; set; }

    /// <summary>A message becomes bytes; a block's payload is all alike, and says whether it is right.</summary>
    public ReadOnlyMemory<byte> Write(in PeerMessage message, bool isCorrupt)
    {
        _written.Enqueue(message);
        var length = WireWriter.LengthOf(message);
        var bytes = new byte[length + (message.Kind == PeerMessageKind.Piece ? message.Length : 0)];
        Safety.Require(WireWriter.Write(bytes, message) == length, "the codec writes more or less than it says");
        bytes.AsSpan(length).Fill(isCorrupt ? CorruptByte : (byte)1);
        return bytes;
    }

    /// <summary>Bytes have come.</summary>
    public void Add(ReadOnlySpan<byte> bytes) => _arrived.AddRange(bytes);

    /// <summary>The messages that are whole by now.</summary>
    public IReadOnlyList<(PeerMessage Message, bool IsCorrupt)> Read()
    {
        var messages = new List<(PeerMessage, bool)>();
        ReadOnlySpan<byte> input = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_arrived);
        while (true)
        {
            if (_reader.PayloadRemaining > 0)
            {
                if (input.IsEmpty)
                {
                    break;
                }

                var count = Math.Min(_reader.PayloadRemaining, input.Length);
                _isCorrupt ??= input[0] == CorruptByte;
                _reader.TakePayload(count);
                input = input[count..];
                if (_reader.PayloadRemaining == 0)
                {
                    messages.Add((_written.Dequeue(), _isCorrupt.Value));
                    _isCorrupt = null;
                }

                continue;
            }

            var status = _reader.Read(ref input, out var message);
            Safety.Require(status != WireStatus.Violation, $"the codec refuses what it wrote: {_reader.Violation?.Text}");
            if (status == WireStatus.NeedMore)
            {
                break;
            }

            Safety.Require(_written.TryPeek(out var written) && IsSame(message, written), $"the codec reads {message.Kind} where {written.Kind} was written");
            if (message.Kind != PeerMessageKind.Piece)
            {
                messages.Add((message, false));
                _written.Dequeue();
            }
        }

        Safety.Require(input.IsEmpty, "the codec leaves bytes behind");
        _arrived.Clear();
        return messages;
    }

    private static bool IsSame(in PeerMessage one, in PeerMessage other) =>
        one with { Payload = default } == other with { Payload = default } && one.Payload.Span.SequenceEqual(other.Payload.Span);
}
