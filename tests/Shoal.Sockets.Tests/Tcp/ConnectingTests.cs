using System.Net;
using System.Net.Sockets;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Tcp;

namespace Shoal.Sockets.Tests.Tcp;

/// <summary>How links begin: where from and where to, how many at once, and what a refusal says.</summary>
public sealed class ConnectingTests : IAsyncDisposable
{
    private readonly PostBox _box = new();
    private readonly TcpTransport _transport = new(new TcpOptions { MaximumHalfOpenCount = 3 });

    public ConnectingTests() => _transport.Bind(_box);

    public ValueTask DisposeAsync() => _transport.DisposeAsync();

    [Fact]
    public void A_refused_connection_is_told()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound, but it does not listen
        var port = ((IPEndPoint)closed.LocalEndPoint!).Port;
        var link = ((ILinkTransport)_transport).Connect(LinkId.Outgoing(4), default, PeerAddress.From(IPAddress.Loopback, port));
        link.Send(new PeerMessage(PeerMessageKind.Choke));
        link.Flush();
        var input = _box.Next();
        Assert.Equal((InputKind.LinkClosed, LinkId.Outgoing(4), "connection refused"), (input.Kind, input.Link, (string)input.Detail!));
    }

    [Fact]
    public void Incoming_links_that_say_nothing_are_limited_and_make_room_when_they_speak()
    {
        var endPoint = _transport.Listen(new IPEndPoint(IPAddress.Loopback, 0));
        var peers = Enumerable.Range(0, 3).Select(_ => RawPeer.ConnectTo(endPoint)).ToList();
        var opened = Enumerable.Range(0, 3).Select(_ => _box.Next()).ToList();
        Assert.All(opened, input => Assert.True(input.Kind == InputKind.LinkOpened && input.Link.IsIncoming && input.Detail is ILink));
        Assert.Equal(peers.Select(peer => ((IPEndPoint)peer.Socket.LocalEndPoint!).Port), opened.Select(input => (int)input.Address.Port));
        Assert.True(RawPeer.ConnectTo(endPoint).EndsSoon());

        peers[0].Send(RawPeer.Hello);
        Assert.Equal(InputKind.Message, _box.Next().Kind);
        peers[1].Dispose();
        Assert.Equal(InputKind.LinkClosed, _box.Next().Kind);
        _ = RawPeer.ConnectTo(endPoint);
        _ = RawPeer.ConnectTo(endPoint);
        Assert.Equal([InputKind.LinkOpened, InputKind.LinkOpened], [_box.Next().Kind, _box.Next().Kind]);
    }

    [Theory]
    [InlineData("::", "127.0.0.1")]
    [InlineData("::1", "::1")]
    public void Both_address_families_are_accepted_and_named_as_they_are(string listening, string connecting)
    {
        var endPoint = _transport.Listen(new IPEndPoint(IPAddress.Parse(listening), 0));
        using var peer = RawPeer.ConnectTo(new IPEndPoint(IPAddress.Parse(connecting), endPoint.Port));
        Assert.Equal(PeerAddress.From(IPAddress.Parse(connecting), ((IPEndPoint)peer.Socket.LocalEndPoint!).Port), _box.Next().Address);
    }

    [Fact]
    public void Outgoing_links_come_from_the_address_they_are_bound_to()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var bound = new TcpTransport(new TcpOptions { BindAddress = IPAddress.Parse("127.0.0.9") });
        bound.Bind(_box);
        ((ILinkTransport)bound).Connect(LinkId.Outgoing(1), default, PeerAddress.From(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port));
        using var accepted = listener.Accept();
        Assert.Equal("127.0.0.9", ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString());
        Assert.Equal(InputKind.LinkOpened, _box.Next().Kind);
    }
}
