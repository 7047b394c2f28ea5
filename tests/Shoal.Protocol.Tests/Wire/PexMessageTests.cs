using System.Buffers;
using System.Net;
using System.Text;
using Shoal.Protocol.Wire;

namespace Shoal.Protocol.Tests.Wire;

public sealed class PexMessageTests
{
    private static readonly PexMessage Everything = new(
        [
            new(At("10.0.0.1", 0x4142), PexFlags.IsSeeder | PexFlags.IsReachable),
            new(At("10.0.0.2", 0x4344), PexFlags.None),
            new(At("4142:4344:4546:4748:494a:4b4c:4d4e:4f50", 0x5152), PexFlags.PrefersEncryption),
        ],
        [At("10.0.0.3", 0x4546), At("6162:6364:6566:6768:696a:6b6c:6d6e:6f70", 0x7172)]);

    public static TheoryData<string, PexMessage> Table => new()
    {
        { "de", new([], []) },
        { "d5:added6:\n\0\0\u0001AB7:added.f1:\0e", new([new(At("10.0.0.1", 0x4142), PexFlags.None)], []) },
        { "d7:dropped6:\n\0\0\u0001ABe", new([], [At("10.0.0.1", 0x4142)]) },
        {
            "d5:added12:\n\0\0\u0001AB\n\0\0\u0002CD7:added.f2:\u0012\0" +
            "6:added618:ABCDEFGHIJKLMNOPQR8:added6.f1:\u0001" +
            "7:dropped6:\n\0\0\u0003EF8:dropped618:abcdefghijklmnopqre",
            Everything
        },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void A_message_is_written_and_read_back(string body, PexMessage message)
    {
        Assert.Equal(body, Encoding.Latin1.GetString(message.ToMessage(3).Payload.Span));
        Assert.Equal((PeerMessageKind.Extended, 3), (message.ToMessage(3).Kind, message.ToMessage(3).Begin));
        AssertReads(message, Encoding.Latin1.GetBytes(body));
    }

    [Theory]
    [InlineData("d1:xi1e5:added7:\n\0\0\u0001ABCe", PexFlags.None)] // a byte too many, no flags
    [InlineData("d7:added.f3:\u0010\u0001\u00025:added6:\n\0\0\u0001ABe", PexFlags.IsReachable)] // unsorted, flags too many
    [InlineData("d5:added18:\n\0\0\u0001AB\n\0\0\u0001\0\0\0\0\0\0CD6:added6i7e7:droppedlee", PexFlags.None)] // nowhere, and wrong types
    public void What_makes_no_sense_is_passed_over(string body, PexFlags flags) =>
        AssertReads(new([new(At("10.0.0.1", 0x4142), flags)], []), Encoding.Latin1.GetBytes(body));

    [Theory]
    [InlineData("")]
    [InlineData("le")]
    [InlineData("i1e")]
    [InlineData("d5:added")]
    [InlineData("d5:added9999999999:e")]
    public void What_is_no_dictionary_is_a_violation(string body) =>
        Assert.Contains("peer exchange", PexMessage.TryRead(Encoding.Latin1.GetBytes(body), out _)?.Text);

    [Fact]
    public void Of_a_huge_message_little_is_read()
    {
        var peers = new byte[60_000];
        Array.Fill(peers, (byte)7);
        byte[] body = [.. "d5:added60000:"u8, .. peers, .. "6:added660000:"u8, .. peers, .. "7:dropped60000:"u8, .. peers, (byte)'e'];
        Assert.Null(PexMessage.TryRead(body, out var message));
        Assert.Equal(2 * PexMessage.MaximumReadCount, message.Added.Count);
        Assert.Equal(PexMessage.MaximumReadCount, message.Dropped.Count);
    }

    [Fact]
    public void A_message_cut_short_anywhere_or_mutated_never_throws()
    {
        var output = new ArrayBufferWriter<byte>();
        Everything.WriteTo(output);
        var body = output.WrittenSpan.ToArray();
        for (var length = 0; length < body.Length; length++)
        {
            Assert.NotNull(PexMessage.TryRead(body.AsSpan(0, length), out var cut));
            Assert.Empty(cut.Added);
        }

        var random = new Random(11);
        for (var round = 0; round < 50_000; round++)
        {
            var mutated = (byte[])body.Clone();
            for (var i = 1 + random.Next(3); i > 0; i--)
            {
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            PexMessage.TryRead(mutated, out var message);
            Assert.True(message.Added.Count <= 2 * PexMessage.MaximumReadCount);
        }
    }

    private static void AssertReads(PexMessage expected, byte[] body)
    {
        Assert.Null(PexMessage.TryRead(body, out var read));
        Assert.Equal(expected.Added, read.Added);
        Assert.Equal(expected.Dropped, read.Dropped);
    }

    private static PeerAddress At(string address, int port) => PeerAddress.From(IPAddress.Parse(address), port);
}
