using FsCheck;
using FsCheck.Fluent;

namespace Shoal.Protocol.Tests.Values;

/// <summary>Info-hashes, peer ids and piece hashes: bytes that are values.</summary>
public sealed class IdentityTests
{
    private static readonly Gen<byte> AnyByte = Gen.Choose(0, 255).Select(value => (byte)value);

    private static readonly Arbitrary<byte[]> Twenty = AnyByte.ArrayOf(20).ToArbitrary();

    // Few different bytes, so that many pairs share a beginning.
    private static readonly Arbitrary<byte[]> TwentyAlike = Gen.Elements<byte>(0, 1, 255).ArrayOf(20).ToArbitrary();

    [Fact]
    public void An_info_hash_keeps_its_bytes_and_reads_its_own_text() =>
        Prop.ForAll(Twenty, bytes =>
        {
            var hash = new InfoHash(bytes);
            Assert.Equal(bytes, hash.ToArray());
            Assert.Equal(Convert.ToHexString(bytes), hash.ToString(), ignoreCase: true);
            Assert.True(InfoHash.TryParse(hash.ToString(), out var again) && again == hash);
            Assert.True(InfoHash.TryParse(hash.ToString().ToUpperInvariant(), out again) && again == hash);
            Assert.True(InfoHash.TryParse(ToBase32(bytes), out again) && again == hash);
            Assert.True(InfoHash.TryParse(ToBase32(bytes).ToLowerInvariant(), out again) && again == hash);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Info_hashes_are_ordered_and_equal_as_their_bytes_are() =>
        Prop.ForAll(TwentyAlike, TwentyAlike, (first, second) =>
        {
            var order = first.AsSpan().SequenceCompareTo(second);
            Assert.Equal(Math.Sign(order), Math.Sign(new InfoHash(first).CompareTo(new InfoHash(second))));
            Assert.Equal(order == 0, new InfoHash(first) == new InfoHash(second));
            Assert.Equal(order == 0, new PeerId(first) == new PeerId(second));
            Assert.Equal(order == 0, new PieceHash(first) == new PieceHash(second));
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0123456789abcdef0123456789abcdef0123456")]
    [InlineData("0123456789abcdef0123456789abcdef012345678")]
    [InlineData("0123456789abcdef0123456789abcdef0123456g")]
    [InlineData(" 123456789abcdef0123456789abcdef01234567")]
    [InlineData("AERUKZ4JVPG66AJDIVTYTK6N54ASGRL8")]
    [InlineData("AERUKZ4JVPG66AJDIVTYTK6N54ASGRL=")]
    public void A_malformed_info_hash_is_refused(string? text)
    {
        Assert.False(InfoHash.TryParse(text, out var hash));
        Assert.Equal(default, hash);
    }

    [Fact]
    public void Too_few_bytes_are_our_bug()
    {
        Assert.Throws<ArgumentException>(() => new InfoHash(new byte[19]));
        Assert.Throws<ArgumentException>(() => new PeerId(new byte[19]));
        Assert.Throws<ArgumentException>(() => new PieceHash(new byte[21]));
    }

    [Fact]
    public void A_peer_id_keeps_its_bytes_and_shows_only_what_a_terminal_may_see() =>
        Prop.ForAll(Twenty, bytes =>
        {
            var id = new PeerId(bytes);
            var written = new byte[20];
            id.WriteTo(written);
            Assert.Equal(bytes, written);
            Assert.Equal(id, new PeerId(Unescape(id.ToString())));
            Assert.DoesNotContain(id.ToString(), character => character is <= ' ' or >= '\u007f');
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Our_own_peer_ids_are_printable_and_differ_with_the_entropy()
    {
        var first = PeerId.Create(new byte[12]);
        Assert.Equal("-SH0100-000000000000", first.ToString());
        for (var i = 0; i < 12; i++)
        {
            var entropy = new byte[12];
            entropy[i] = 63;
            Assert.NotEqual(first, PeerId.Create(entropy));
            Assert.Equal(20, PeerId.Create(entropy).ToString().Length);
        }
    }

    [Fact]
    public void A_piece_hash_keeps_20_or_32_bytes() =>
        Prop.ForAll(Gen.OneOf(AnyByte.ArrayOf(20), AnyByte.ArrayOf(32)).ToArbitrary(), bytes =>
        {
            var written = new byte[bytes.Length];
            new PieceHash(bytes).WriteTo(written);
            Assert.Equal(bytes, written);
        }).QuickCheckThrowOnFailure();

    private static byte[] Unescape(string text)
    {
        List<byte> bytes = [];
        for (var i = 0; i < text.Length; i++)
        {
            bytes.Add(text[i] == '%' ? Convert.ToByte(text.Substring(i + 1, 2), 16) : (byte)text[i]);
            i += text[i] == '%' ? 2 : 0;
        }

        return [.. bytes];
    }

    private static string ToBase32(byte[] bytes)
    {
        var bits = string.Concat(bytes.Select(value => Convert.ToString(value, 2).PadLeft(8, '0')));
        return string.Concat(bits.Chunk(5).Select(five => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Convert.ToInt32(new string(five), 2)]));
    }
}
