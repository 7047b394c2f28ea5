using System.Buffers;
using Shoal.Protocol.Wire;

namespace Shoal.Protocol.Tests.Wire;

public sealed class WireTests
{
    private static readonly byte[] Hello = new Handshake(
        new InfoHash("aaaaaaaaaaaaaaaaaaaa"u8), new PeerId("-XX0001-bbbbbbbbbbbb"u8), true, true).ToMessage().Payload.ToArray();

    // Each message, and its bytes in hexadecimal. The payload of the piece is 3 bytes.
    private static readonly (PeerMessage Message, string Bytes)[] Table =
    [
        (new(PeerMessageKind.KeepAlive), "00000000"),
        (new(PeerMessageKind.Choke), "0000000100"),
        (new(PeerMessageKind.Unchoke), "0000000101"),
        (new(PeerMessageKind.Interested), "0000000102"),
        (new(PeerMessageKind.NotInterested), "0000000103"),
        (PeerMessage.Have(new(258)), "000000050400000102"),
        (PeerMessage.Bitfield(new byte[] { 0xf0, 0x80 }), "0000000305f080"),
        (PeerMessage.Bitfield(ReadOnlyMemory<byte>.Empty), "0000000105"),
        (PeerMessage.Request(new(new(1), 16384, 16384)), "0000000d06000000010000400000004000"),
        (new(PeerMessageKind.Piece, new(7), 5, 3), "0000000c070000000700000005" + "aabbcc"),
        (PeerMessage.Cancel(new(new(1), 2, 3)), "0000000d08000000010000000200000003"),
        (new(PeerMessageKind.Port, Begin: 6881), "00000003091ae1"),
        (new(PeerMessageKind.SuggestPiece, new(9)), "000000050d00000009"),
        (new(PeerMessageKind.HaveAll), "000000010e"),
        (new(PeerMessageKind.HaveNone), "000000010f"),
        (PeerMessage.Reject(new(new(1), 2, 3)), "0000000d10000000010000000200000003"),
        (PeerMessage.AllowedFast(new(int.MaxValue)), "00000005117fffffff"),
        (PeerMessage.Extended(3, new byte[] { 0x64, 0x65 }), "0000000414036465"),
        (PeerMessage.Extended(0, ReadOnlyMemory<byte>.Empty), "000000021400"),
    ];

    private static byte[] Stream => [.. Hello, .. Table.SelectMany(row => Convert.FromHexString(row.Bytes))];

    [Fact]
    public void Every_message_is_written_as_the_table_says()
    {
        foreach (var (message, hex) in Table)
        {
            var output = new ArrayBufferWriter<byte>();
            WireWriter.Write(output, message);
            var payload = message.Kind == PeerMessageKind.Piece ? message.Length : 0;
            Assert.Equal(hex[..^(payload * 2)], Convert.ToHexStringLower(output.WrittenSpan));
            Assert.Equal(output.WrittenCount, WireWriter.LengthOf(message));
        }
    }

    [Fact]
    public void Every_message_is_read_wherever_the_stream_is_split()
    {
        var expected = Describe([Stream]);
        Assert.Equal(Table.Length + 1, expected.Count);
        Assert.Equal(Table.Select(row => Text(row.Message)), expected.Skip(1).Select(text => text.Split('|')[0]));
        for (var split = 0; split <= Stream.Length; split++)
        {
            Assert.Equal(expected, Describe([Stream[..split], Stream[split..]]));
        }

        Assert.Equal(expected, Describe([.. Stream.Select(value => new[] { value })]));
    }

    [Fact]
    public void A_message_of_unknown_kind_is_skipped_wherever_it_is_split()
    {
        byte[] bytes = [.. Hello, 0, 0, 0, 5, 99, 1, 2, 3, 4, 0, 0, 0, 1, 200, 0, 0, 0, 1, 1];
        for (var split = 0; split <= bytes.Length; split++)
        {
            Assert.Equal(["Handshake", "Unchoke"], Describe([bytes[..split], bytes[split..]]).Select(text => text.Split(' ')[0]));
        }
    }

    [Theory]
    [InlineData("00000002" + "0000", "Choke")]
    [InlineData("00000004" + "04000000", "Have")]
    [InlineData("0000000c" + "06", "Request")]
    [InlineData("00000008" + "07", "Piece")]
    [InlineData("0002000a" + "07", "131082")]
    [InlineData("00100002" + "05", "Bitfield")]
    [InlineData("00000001" + "14", "Extended")]
    [InlineData("00100003", "1048579")]
    [InlineData("ffffffff", "4294967295")]
    [InlineData("48545450", "1213486160")]
    [InlineData("00000005" + "04ffffffff", "2^31")]
    [InlineData("0000000d" + "06000000010000000280000000", "2^31")]
    [InlineData("0000000c" + "0780000000" + "00000000", "2^31")]
    public void What_no_message_can_be_is_a_violation_that_names_it(string hex, string named)
    {
        byte[] bytes = [.. Hello, .. Convert.FromHexString(hex)];
        var reader = new WireReader();
        Run(reader, [bytes]);
        Assert.Contains(named, reader.Violation?.Text);

        var slow = new WireReader();
        Run(slow, [.. bytes.Select(value => new[] { value })]);
        Assert.Equal(reader.Violation, slow.Violation);
    }

    [Fact]
    public void Garbage_is_refused_at_its_first_byte()
    {
        for (var wrong = 0; wrong < 20; wrong++)
        {
            var reader = new WireReader();
            var bytes = Hello[..(wrong + 1)];
            bytes[wrong] ^= 0x20;
            Run(reader, [bytes[..wrong]]);
            Assert.Null(reader.Violation);
            Run(reader, [bytes[wrong..]]);
            Assert.NotNull(reader.Violation);
        }
    }

    [Fact]
    public void A_promise_of_a_large_message_costs_no_memory_before_its_bytes_come()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var readers = new List<WireReader>();
        for (var i = 0; i < 100; i++)
        {
            var reader = new WireReader();
            Run(reader, [Hello, [0, 0x0f, 0xff, 0xff, 20, 1]]);
            readers.Add(reader);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100 * 4096);
        Assert.All(readers, reader => Assert.Null(reader.Violation));
    }

    [Fact]
    public void Random_bytes_never_throw_and_never_hang()
    {
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            for (var i = 0; i + 4 < bytes.Length; i += random.Next(1, 40))
            {
                bytes.AsSpan(i, 3).Clear(); // plausible lengths, or the first check ends it
            }

            var cut = random.Next(bytes.Length + 1);
            Run(new WireReader(), [Hello, bytes[..cut], bytes[cut..]]);
        }
    }

    private static List<string> Describe(byte[][] parts) => Run(new WireReader(), parts);

    private static List<string> Run(WireReader reader, byte[][] parts)
    {
        var result = new List<string>();
        foreach (var part in parts)
        {
            ReadOnlySpan<byte> input = part;
            while (true)
            {
                if (reader.PayloadRemaining > 0)
                {
                    var take = Math.Min(reader.PayloadRemaining, input.Length);
                    result[^1] += Convert.ToHexStringLower(input[..take]);
                    reader.TakePayload(take);
                    input = input[take..];
                    if (reader.PayloadRemaining > 0)
                    {
                        break;
                    }
                }

                if (reader.Read(ref input, out var message) != WireStatus.Message)
                {
                    Assert.True(input.IsEmpty || reader.Violation is not null);
                    break;
                }

                result.Add(Text(message) + "|");
            }
        }

        return result;
    }

    private static string Text(PeerMessage message) =>
        $"{message.Kind} {message.Piece} {message.Begin} {message.Length} {Convert.ToHexStringLower(message.Payload.Span)}";
}
