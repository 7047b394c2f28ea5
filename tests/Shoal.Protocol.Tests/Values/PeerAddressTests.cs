using System.Net;
using FsCheck;
using FsCheck.Fluent;

namespace Shoal.Protocol.Tests.Values;

public sealed class PeerAddressTests
{
    private static readonly Gen<byte> AnyByte = Gen.Choose(0, 255).Select(value => (byte)value);

    private static readonly Arbitrary<(IPAddress Address, ushort Port)> Any =
        Gen.Zip(
            Gen.OneOf(AnyByte.ArrayOf(4), AnyByte.ArrayOf(16)).Select(bytes => new IPAddress(bytes)),
            Gen.Choose(0, 65535).Select(port => (ushort)port)).ToArbitrary();

    [Fact]
    public void An_endpoint_survives_every_form() =>
        Prop.ForAll(Any, endpoint =>
        {
            var address = PeerAddress.From(endpoint.Address, endpoint.Port);
            Assert.Equal(endpoint.Address, address.ToIPAddress());
            Assert.Equal(endpoint.Port, address.Port);
            Assert.Equal(new IPEndPoint(endpoint.Address, endpoint.Port).ToString(), address.ToString());
            var compact = new byte[18];
            var length = address.WriteCompact(compact);
            Assert.Equal(endpoint.Address.GetAddressBytes().Length + 2, length);
            Assert.Equal([.. endpoint.Address.GetAddressBytes(), (byte)(endpoint.Port >> 8), (byte)endpoint.Port], compact[..length]);
            Assert.Equal(address, PeerAddress.ReadCompact(compact.AsSpan(0, length)));
            Assert.Equal(address, PeerAddress.FromBytes(endpoint.Address.GetAddressBytes(), endpoint.Port));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Addresses_are_ordered_by_kind_then_bytes_then_port() =>
        Prop.ForAll(Any, Any, (first, second) =>
        {
            var expected = Math.Sign(Key(first).AsSpan().SequenceCompareTo(Key(second)));
            Assert.Equal(expected, Math.Sign(Address(first).CompareTo(Address(second))));
            Assert.Equal(expected == 0, Address(first) == Address(second));

            static PeerAddress Address((IPAddress Address, ushort Port) endpoint) => PeerAddress.From(endpoint.Address, endpoint.Port);
            static byte[] Key((IPAddress Address, ushort Port) endpoint)
            {
                var bytes = endpoint.Address.GetAddressBytes();
                return [(byte)bytes.Length, .. bytes, (byte)(endpoint.Port >> 8), (byte)endpoint.Port];
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_IPv4_address_within_IPv6_is_the_IPv4_address()
    {
        var plain = PeerAddress.From(IPAddress.Parse("127.0.0.1"), 6881);
        Assert.Equal(plain, PeerAddress.From(IPAddress.Parse("::ffff:127.0.0.1"), 6881));
        Assert.Equal(PeerAddressKind.IPv4, plain.Kind);
        Assert.Equal("127.0.0.1:6881", plain.ToString());
        Assert.NotEqual(plain, PeerAddress.From(IPAddress.Parse("::127.0.0.1"), 6881));
    }

    [Theory]
    [InlineData("0.0.0.0", 1, true)]
    [InlineData("::", 1, true)]
    [InlineData("127.0.0.1", 0, true)]
    [InlineData("127.0.0.1", 1, false)]
    [InlineData("::1", 1, false)]
    public void Port_0_and_the_unspecified_address_are_unreachable(string address, int port, bool expected) =>
        Assert.Equal(expected, PeerAddress.From(IPAddress.Parse(address), port).IsUnreachable);

    [Theory]
    [InlineData("127.0.0.1", true, false)]
    [InlineData("127.255.3.4", true, false)]
    [InlineData("::1", true, false)]
    [InlineData("::ffff:127.0.0.1", true, false)]
    [InlineData("128.0.0.1", false, false)]
    [InlineData("::2", false, false)]
    [InlineData("fe80::1", false, true)]
    [InlineData("febf::1", false, true)]
    [InlineData("fec0::1", false, false)]
    [InlineData("fd00::1", false, false)]
    [InlineData("169.254.0.1", false, false)]
    public void Addresses_that_mean_something_here_only_are_known(string address, bool isLoopback, bool isLinkLocal)
    {
        var peer = PeerAddress.From(IPAddress.Parse(address), 1);
        Assert.Equal((isLoopback, isLinkLocal), (peer.IsLoopback, peer.IsLinkLocal));
    }

    [Fact]
    public void A_rank_is_an_address_without_a_compact_form()
    {
        var rank = PeerAddress.FromRank(3);
        Assert.Equal(3, rank.Rank);
        Assert.Equal("rank 3", rank.ToString());
        Assert.False(PeerAddress.FromRank(0).IsUnreachable);
        Assert.NotEqual(PeerAddress.FromRank(0), default);
        Assert.Equal(int.MaxValue, PeerAddress.FromRank(int.MaxValue).Rank);
        Assert.Throws<InvalidOperationException>(() => rank.WriteCompact(new byte[18]));
        Assert.Throws<InvalidOperationException>(() => default(PeerAddress).Rank);
        Assert.Throws<ArgumentOutOfRangeException>(() => PeerAddress.FromRank(-1));
    }

    [Fact]
    public void No_address_is_unreachable_and_shows_as_nowhere()
    {
        Assert.True(default(PeerAddress).IsUnreachable);
        Assert.Equal("nowhere", default(PeerAddress).ToString());
    }

    [Fact]
    public void A_port_can_be_exchanged() =>
        Assert.Equal("[::1]:7", PeerAddress.From(IPAddress.IPv6Loopback, 1).WithPort(7).ToString());

    [Theory]
    [InlineData(-1)]
    [InlineData(65536)]
    public void A_port_out_of_range_is_our_bug(int port) =>
        Assert.ThrowsAny<ArithmeticException>(() => PeerAddress.From(IPAddress.Loopback, port));
}
