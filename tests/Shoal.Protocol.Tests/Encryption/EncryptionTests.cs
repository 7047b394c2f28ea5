using Shoal.Protocol.Encryption;

namespace Shoal.Protocol.Tests.Encryption;

/// <summary>The cipher and the key exchange of message stream encryption.</summary>
public class EncryptionTests
{
    // RFC 6229: the bytes from 1024 on.
    [Theory]
    [InlineData("0102030405", "30ABBCC7C20B01609F23EE2D5F6BB7DF")]
    [InlineData("0102030405060708090A0B0C0D0E0F10", "BDF0324E6083DCC6D3CEDD3CA8C53C16")]
    public void The_stream_begins_at_byte_1024(string key, string expected)
    {
        var bytes = new byte[16];
        new Rc4(Convert.FromHexString(key)).Apply(bytes);
        Assert.Equal(expected, Convert.ToHexString(bytes));
    }

    [Fact]
    public void However_it_is_cut_the_stream_is_one()
    {
        var random = new Random(5);
        var plain = new byte[100_000];
        random.NextBytes(plain);
        var whole = plain.ToArray();
        new Rc4("a key"u8).Apply(whole);
        var parts = plain.ToArray();
        var cipher = new Rc4("a key"u8);
        for (var at = 0; at < parts.Length;)
        {
            var count = Math.Min(random.Next(0, 700), parts.Length - at);
            cipher.Apply(parts.AsSpan(at, count));
            at += count;
        }

        Assert.Equal(whole, parts);
        new Rc4("a key"u8).Apply(parts);
        Assert.Equal(plain, parts);
    }

    [Fact]
    public void Both_sides_have_the_same_in_common()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var (one, other) = (Exchange(2 * seed), Exchange((2 * seed) + 1));
            var common = one.AgreeWith(other.PublicKey.Span);
            Assert.Equal(KeyExchange.KeyLength, common!.Length);
            Assert.Equal(common, other.AgreeWith(one.PublicKey.Span));
            Assert.NotEqual(common, one.AgreeWith(Exchange(1000 + seed).PublicKey.Span));
        }
    }

    [Fact]
    public void A_key_whose_result_everybody_knows_is_refused()
    {
        var last = Convert.FromHexString(
            "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
            "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090562");
        var exchange = Exchange(1);
        foreach (var wrong in (byte[][])[new byte[96], [.. new byte[95], 1], [.. Enumerable.Repeat((byte)0xff, 96)], last, new byte[95], new byte[97]])
        {
            Assert.Null(exchange.AgreeWith(wrong));
        }
    }

    private static KeyExchange Exchange(int seed)
    {
        var secret = new byte[KeyExchange.SecretLength];
        new Random(seed).NextBytes(secret);
        return new KeyExchange(secret);
    }
}
