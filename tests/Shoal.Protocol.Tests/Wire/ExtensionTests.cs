using System.Buffers;
using System.Text;
using Shoal.Protocol.Wire;

namespace Shoal.Protocol.Tests.Wire;

public sealed class ExtensionTests
{
    [Fact]
    public void An_extension_handshake_is_written_and_read_back()
    {
        var handshake = new ExtensionHandshake
        {
            MetadataId = 3,
            PexId = 1,
            PrefersEncryption = true,
            ClientVersion = "Shoal 0.1",
            ListenPort = 6881,
            RequestQueueLength = 500,
            MetadataSize = 31235,
            YourAddress = PeerAddress.FromBytes([10, 0, 0, 1], 0),
        };
        var body = handshake.ToMessage().Payload;
        Assert.Equal(
            "d1:ei1e1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e4:reqqi500e1:v9:Shoal 0.16:yourip4:\n\0\0\u0001e",
            Encoding.Latin1.GetString(body.Span));
        Assert.Null(ExtensionHandshake.TryRead(body.Span, out var read));
        Assert.Equal(handshake, read);
    }

    [Fact]
    public void An_empty_extension_handshake_says_nothing()
    {
        Assert.Equal("d1:mdee", Encoding.Latin1.GetString(new ExtensionHandshake().ToMessage().Payload.Span));
        Assert.Null(ExtensionHandshake.TryRead("de"u8, out var read));
        Assert.Equal(new ExtensionHandshake(), read);
    }

    [Fact]
    public void An_offer_that_is_withdrawn_is_not_one_that_is_not_said()
    {
        Assert.Equal("d1:md6:ut_pexi0eee", Encoding.Latin1.GetString(new ExtensionHandshake { PexId = 0 }.ToMessage().Payload.Span));
        Assert.Null(ExtensionHandshake.TryRead("d1:md6:ut_pexi0eee"u8, out var read));
        Assert.Equal(((byte?)0, (byte?)null), (read.PexId, read.MetadataId));
    }

    [Theory]
    [InlineData("d1:pi99999e1:v3:abc13:metadata_sizei-5e1:md11:ut_metadatai256eee")] // unsorted, out of range
    [InlineData("d1:p2:xx4:reqqle1:mi5e1:v3:abc6:yourip3:xyze")]                       // wrong types
    public void Nonsense_in_a_handshake_counts_as_not_said(string body)
    {
        Assert.Null(ExtensionHandshake.TryRead(Encoding.Latin1.GetBytes(body), out var read));
        Assert.Equal(new ExtensionHandshake { ClientVersion = "abc" }, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("le")]
    [InlineData("d1:m")]
    [InlineData("d1:pi01ee")]
    public void What_is_no_dictionary_is_a_violation(string body)
    {
        Assert.NotNull(ExtensionHandshake.TryRead(Encoding.Latin1.GetBytes(body), out _));
        Assert.NotNull(MetadataMessage.TryRead(Encoding.Latin1.GetBytes(body), out _));
    }

    [Theory]
    [InlineData(MetadataMessageKind.Request, 0, 0, "", "d8:msg_typei0e5:piecei0ee")]
    [InlineData(MetadataMessageKind.Data, 2, 34256, "xyz", "d8:msg_typei1e5:piecei2e10:total_sizei34256eexyz")]
    [InlineData(MetadataMessageKind.Reject, 7, 0, "", "d8:msg_typei2e5:piecei7ee")]
    public void A_metadata_message_is_written_and_read_back(MetadataMessageKind kind, int piece, int total, string data, string expected)
    {
        var message = new MetadataMessage(kind, piece, total, Encoding.ASCII.GetBytes(data));
        var output = new ArrayBufferWriter<byte>();
        message.WriteTo(output);
        Assert.Equal(expected, Encoding.ASCII.GetString(output.WrittenSpan));
        Assert.Null(MetadataMessage.TryRead(output.WrittenMemory, out var read));
        Assert.Equal((kind, piece, total, data), (read.Kind, read.Piece, read.TotalSize, Encoding.ASCII.GetString(read.Data.Span)));
        Assert.Equal(PeerMessageKind.Extended, message.ToMessage(3).Kind);
        Assert.Equal(3, message.ToMessage(3).Begin);
    }

    [Theory]
    [InlineData("d5:piecei0ee")]
    [InlineData("d8:msg_typei1ee")]
    [InlineData("d8:msg_typei1e5:piecei-1ee")]
    [InlineData("d8:msg_typei1e5:piecei4294967296ee")]
    public void A_metadata_message_without_sense_is_a_violation(string body) =>
        Assert.NotNull(MetadataMessage.TryRead(Encoding.ASCII.GetBytes(body), out _));

    [Fact]
    public void A_metadata_piece_that_is_too_long_is_a_violation()
    {
        var message = new MetadataMessage(MetadataMessageKind.Data, 0, 20000, new byte[MetadataMessage.PieceLength + 1]).ToMessage(1);
        Assert.Contains("16385", MetadataMessage.TryRead(message.Payload, out _)?.Text);
    }

    [Fact]
    public void Random_bodies_never_throw()
    {
        var random = new Random(2);
        const string Letters = "dle0123456789:im-pv\0";
        for (var round = 0; round < 50_000; round++)
        {
            var body = new byte[random.Next(40)];
            for (var i = 0; i < body.Length; i++)
            {
                body[i] = (byte)Letters[random.Next(Letters.Length)];
            }

            ExtensionHandshake.TryRead(body, out _);
            MetadataMessage.TryRead(body, out _);
        }
    }
}
