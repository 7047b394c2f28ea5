using System.Net;
using Shoal.Protocol.PortMapping;
using Shoal.Protocol.Tests.Bencode;

namespace Shoal.Protocol.Tests.PortMapping;

/// <summary>Packets of NAT-PMP and PCP against their drawings in RFC 6886 and RFC 6887, both ways; cut off and damaged.</summary>
public sealed class GatewayCodecTests
{
    private const string Nonce = "000102030405060708090a0b";

    private static readonly NatPmpMapRequest Map = new(PortTransport.Tcp, 51413, 6881, 3600);

    private static readonly PcpMap PcpMap = new(
        PcpNonce.Read(Convert.FromHexString(Nonce)), PortTransport.Udp, 51413, PeerAddress.From(IPAddress.Parse("198.51.100.7"), 6881));

    private static string Hex(byte[] packet) => Convert.ToHexStringLower(packet);

    [Fact]
    public void Nat_pmp_asks_for_the_address_in_two_bytes()
    {
        var packet = NatPmpCodec.WriteAddressRequest();
        Assert.Equal("0000", Hex(packet));
        Assert.True(NatPmpCodec.IsAddressRequest(packet));
        Assert.False(NatPmpCodec.IsAddressRequest([0]));
    }

    [Theory]
    [InlineData("0080" + "0000" + "00000e10" + "c6336407", NatPmpResult.Success, "198.51.100.7")]
    [InlineData("0080" + "0003" + "00000e10" + "00000000", NatPmpResult.NetworkFailure, null)]
    public void Nat_pmp_tells_the_address(string bytes, NatPmpResult result, string? address)
    {
        var reply = new NatPmpAddressReply(result, 3600, address is null ? default : PeerAddress.From(IPAddress.Parse(address), 0));
        Assert.Equal(bytes, Hex(NatPmpCodec.WriteAddressReply(reply)));
        Assert.True(NatPmpCodec.TryReadAddressReply(Convert.FromHexString(bytes), out var read));
        Assert.Equal(reply, read);
        for (var length = 0; length < (result == NatPmpResult.Success ? 12 : 8); length++)
        {
            Assert.False(NatPmpCodec.TryReadAddressReply(Convert.FromHexString(bytes).AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData(PortTransport.Udp, "0001" + "0000" + "c8d5" + "1ae1" + "00000e10")]
    [InlineData(PortTransport.Tcp, "0002" + "0000" + "c8d5" + "1ae1" + "00000e10")]
    public void Nat_pmp_asks_for_a_port(PortTransport transport, string bytes)
    {
        var request = Map with { Transport = transport };
        Assert.Equal(bytes, Hex(NatPmpCodec.WriteMapRequest(request)));
        Assert.True(NatPmpCodec.TryReadMapRequest(Convert.FromHexString(bytes), out var read));
        Assert.Equal(request, read);
        for (var length = 0; length < 12; length++)
        {
            Assert.False(NatPmpCodec.TryReadMapRequest(Convert.FromHexString(bytes).AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void Nat_pmp_answers_for_a_port()
    {
        var reply = new NatPmpMapReply(NatPmpResult.Success, 10, Map);
        var packet = NatPmpCodec.WriteMapReply(reply);
        Assert.Equal("0082" + "0000" + "0000000a" + "c8d5" + "1ae1" + "00000e10", Hex(packet));
        Assert.True(NatPmpCodec.TryReadMapReply(packet, out var read));
        Assert.Equal(reply, read);
        for (var length = 0; length < packet.Length; length++)
        {
            Assert.False(NatPmpCodec.TryReadMapReply(packet.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void A_refusal_of_nat_pmp_may_end_after_the_epoch()
    {
        Assert.True(NatPmpCodec.TryReadMapReply(Convert.FromHexString("0082" + "0002" + "0000000a"), out var read));
        Assert.Equal((NatPmpResult.NotAuthorized, PortTransport.Tcp, 10u), (read.Result, read.Map.Transport, read.EpochSeconds));
    }

    [Fact]
    public void Pcp_asks_for_a_port()
    {
        var request = new PcpMapRequest(PeerAddress.From(IPAddress.Parse("192.168.1.2"), 0), 3600, PcpMap);
        var packet = PcpCodec.WriteMapRequest(request);
        Assert.Equal(
            "02010000" + "00000e10" + "00000000000000000000ffffc0a80102" +
            Nonce + "11000000" + "c8d5" + "1ae1" + "00000000000000000000ffffc6336407",
            Hex(packet));
        Assert.True(PcpCodec.TryReadMapRequest(packet, out var read));
        Assert.Equal(request, read);
        for (var length = 0; length < packet.Length; length++)
        {
            Assert.False(PcpCodec.TryReadMapRequest(packet.AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData(PcpResult.Success, "198.51.100.7", "00000000000000000000ffffc6336407")]
    [InlineData(PcpResult.NoResources, "2001:db8::7", "20010db8000000000000000000000007")]
    public void Pcp_answers_for_a_port(PcpResult result, string external, string bytes)
    {
        var reply = new PcpMapReply(result, 120, 10, PcpMap with { External = PeerAddress.From(IPAddress.Parse(external), 6881) });
        var packet = PcpCodec.WriteMapReply(reply);
        Assert.Equal(
            $"028100{(byte)result:x2}" + "00000078" + "0000000a" + "000000000000000000000000" + Nonce + "11000000" + "c8d5" + "1ae1" + bytes, Hex(packet));
        Assert.True(PcpCodec.TryReadMapReply(packet, out var read));
        Assert.Equal(reply, read);
        for (var length = 0; length < packet.Length; length++)
        {
            Assert.False(PcpCodec.TryReadMapReply(packet.AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData("00800001" + "00000000", true)]                           // what RFC 6886, 3.5 asks of a NAT-PMP gateway
    [InlineData("00810001", true)]
    [InlineData("01810001" + "0000000000000000", true)]
    [InlineData("02810001" + "00000000000000000000000000000000", true)]
    [InlineData("02810000" + "00000000000000000000000000000000", false)]
    [InlineData("00800000" + "00000000c6336407", false)]
    [InlineData("000100010000", false)]                                   // a request
    [InlineData("008000", false)]
    [InlineData("", false)]
    public void A_refusal_of_the_version_is_recognised(string bytes, bool isRefusal) =>
        Assert.Equal(isRefusal, PcpCodec.IsVersionRefused(Convert.FromHexString(bytes)));

    [Fact]
    public void Pcp_announces_itself()
    {
        var packet = PcpCodec.WriteAnnouncement(77);
        Assert.Equal("02800000" + "00000000" + "0000004d" + "000000000000000000000000", Hex(packet));
        Assert.True(PcpCodec.TryReadAnnouncement(packet, out var epoch));
        Assert.Equal(77u, epoch);
        for (var length = 0; length < packet.Length; length++)
        {
            Assert.False(PcpCodec.TryReadAnnouncement(packet.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void Damage_is_read_or_refused_and_never_throws()
    {
        byte[][] originals =
        [
            NatPmpCodec.WriteAddressReply(new NatPmpAddressReply(NatPmpResult.Success, 5, PcpMap.External)),
            NatPmpCodec.WriteMapReply(new NatPmpMapReply(NatPmpResult.Success, 5, Map)), NatPmpCodec.WriteMapRequest(Map),
            PcpCodec.WriteMapReply(new PcpMapReply(PcpResult.Success, 9, 9, PcpMap)), PcpCodec.WriteMapRequest(new PcpMapRequest(default, 9, PcpMap)),
            PcpCodec.WriteAnnouncement(3),
        ];
        for (var seed = 0; seed < 3000; seed++)
        {
            var packet = Fuzz.Damage(originals[seed % originals.Length], seed);
            NatPmpCodec.IsAddressRequest(packet);
            NatPmpCodec.TryReadAddressReply(packet, out _);
            NatPmpCodec.TryReadMapRequest(packet, out _);
            NatPmpCodec.TryReadMapReply(packet, out _);
            PcpCodec.IsVersionRefused(packet);
            PcpCodec.TryReadMapRequest(packet, out _);
            PcpCodec.TryReadMapReply(packet, out _);
            PcpCodec.TryReadAnnouncement(packet, out _);
        }
    }
}
