using System.Buffers;
using System.Net;
using System.Text;
using Shoal.Protocol.Dht;
using Shoal.Protocol.Tests.Bencode;

namespace Shoal.Protocol.Tests.Dht;

public sealed class KrpcTests
{
    private static readonly NodeId Id = new("abcdefghij0123456789"u8);
    private static readonly NodeId Target = new("mnopqrstuvwxyz123456"u8);

    // The packets of BEP 5, 32, 43 and 51, letter by letter; each is read and written again.
    public static TheoryData<string> Packets =>
    [
        "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
        "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
        "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q9:find_node2:roi1e1:t2:aa1:y1:qe",
        "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
        "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
        "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q17:sample_infohashes1:t2:aa1:y1:qe",
        "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
        "d2:ip6:abcdef1:rd2:id20:mnopqrstuvwxyz1234565:nodes26:abcdefghij0123456789axje.u5:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:v4:SH011:y1:re",
        "d1:rd2:id20:mnopqrstuvwxyz1234568:intervali60e3:numi1e7:samples20:abcdefghij0123456789e1:t2:aa1:y1:re",
        "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
    ];

    [Theory]
    [MemberData(nameof(Packets))]
    public void What_is_read_is_written_the_same(string packet)
    {
        Assert.True(KrpcReader.TryRead(Encoding.ASCII.GetBytes(packet), out var message));
        var output = new ArrayBufferWriter<byte>();
        new KrpcWriter().Write(message, output);
        Assert.Equal(packet, Encoding.ASCII.GetString(output.WrittenSpan));
    }

    [Theory]
    [MemberData(nameof(Packets))]
    public void Cut_or_damaged_packets_never_throw(string packet)
    {
        var bytes = Encoding.ASCII.GetBytes(packet);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(KrpcReader.TryRead(bytes.AsSpan(0, length), out _));
        }

        for (var seed = 0; seed < 2000; seed++)
        {
            KrpcReader.TryRead(Fuzz.Damage(bytes, seed), out var message);
            KrpcReader.ReadPeers(message.Peers, PeerAddressKind.IPv4, 100, []);
            KrpcReader.TryRead(Fuzz.Noise(seed), out _);
        }
    }

    [Theory]
    [InlineData("d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe")] // a short id
    [InlineData("d1:ad2:id20:abcdefghij0123456789e1:q9:get_peers1:t2:aa1:y1:qe")] // no info-hash
    [InlineData("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t0:1:y1:qe")] // no transaction
    [InlineData("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t33:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1:y1:qe")] // a long one
    [InlineData("d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti0e5:token1:ae1:q13:announce_peer1:t2:aa1:y1:qe")] // port 0
    [InlineData("d1:t2:aa1:y1:xe")]
    [InlineData("d1:ti5e1:y1:qe")]
    public void What_makes_no_sense_is_no_message(string packet) =>
        Assert.False(KrpcReader.TryRead(Encoding.ASCII.GetBytes(packet), out _));

    [Fact]
    public void What_is_too_long_or_too_deep_is_no_message()
    {
        static byte[] Ping(int length) => Encoding.ASCII.GetBytes($"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:x{length}:{new string('x', length)}1:y1:qe");
        var most = KrpcReader.MaximumPacketLength - Ping(1000).Length + 1000;
        Assert.True(KrpcReader.TryRead(Ping(most), out _));
        Assert.False(KrpcReader.TryRead(Ping(most + 1), out _));
        var deep = string.Concat(Enumerable.Repeat("l", 900)) + string.Concat(Enumerable.Repeat("e", 900));
        Assert.False(KrpcReader.TryRead(Encoding.ASCII.GetBytes($"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:x{deep}1:y1:qe"), out _));
    }

    // The table of BEP 42.
    [Theory]
    [InlineData("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401")]
    [InlineData("21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256")]
    [InlineData("65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616")]
    [InlineData("84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41")]
    [InlineData("43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a")]
    public void Ids_that_follow_from_an_address(string address, string digits)
    {
        Assert.True(NodeId.TryParse(digits, out var id));
        var where = PeerAddress.From(IPAddress.Parse(address), 6881);
        Assert.True(SecureNodeId.Fits(id, where));
        Assert.True(SecureNodeId.Fits(SecureNodeId.For(where, Target), where));
        Assert.False(SecureNodeId.Fits(Target, where));
        Assert.True(SecureNodeId.Fits(Target, PeerAddress.From(IPAddress.Loopback, 6881)));
    }

    [Fact]
    public void A_place_beside_another_has_just_so_many_bits_in_common()
    {
        for (var bits = 0; bits < NodeId.Bits; bits++)
        {
            Assert.Equal(bits, Id.CommonBits(Id.Beside(bits, Target)));
        }

        Assert.Equal(NodeId.Bits, Id.CommonBits(Id));
        Assert.True(Id.DistanceTo(Target) > Id.DistanceTo(Id));
    }
}
