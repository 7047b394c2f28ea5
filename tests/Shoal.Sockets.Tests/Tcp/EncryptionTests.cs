using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Engine.Encryption;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Tcp;

namespace Shoal.Sockets.Tests.Tcp;

/// <summary>Links under message stream encryption, and what happens where the two sides do not agree about it.</summary>
public sealed class EncryptionTests : IAsyncDisposable
{
    private static readonly InfoHash Torrent = new([.. Enumerable.Range(1, 20).Select(i => (byte)i)]);
    private static readonly IPEndPoint AnyPort = new(IPAddress.Loopback, 0);

    private readonly List<TcpTransport> _transports = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var transport in _transports)
        {
            await transport.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(EncryptionPolicy.Require, EncryptionPolicy.Require)]
    [InlineData(EncryptionPolicy.Require, EncryptionPolicy.Prefer)]
    [InlineData(EncryptionPolicy.Prefer, EncryptionPolicy.Require)]
    [InlineData(EncryptionPolicy.Prefer, EncryptionPolicy.Prefer)]
    [InlineData(EncryptionPolicy.Prefer, EncryptionPolicy.Off)]
    [InlineData(EncryptionPolicy.Off, EncryptionPolicy.Prefer)]
    public void Messages_and_blocks_go_both_ways(EncryptionPolicy connecting, EncryptionPolicy listening)
    {
        var (from, fromBox) = Start(connecting);
        var (to, toBox) = Start(listening);
        var outgoing = Connect(from, to.Listen(AnyPort));
        Assert.Equal(InputKind.LinkOpened, fromBox.Next().Kind);
        outgoing.Send(new Handshake(Torrent, default, true, true).ToMessage());
        outgoing.Flush();
        // Who knows no encryption lets the first try in as a link, and closes it at its first byte.
        var opened = toBox.Next(InputKind.LinkOpened);
        Input handshake;
        while ((handshake = toBox.Next()).Kind != InputKind.Message)
        {
            opened = handshake.Kind == InputKind.LinkOpened ? handshake : opened;
        }

        Assert.Equal(PeerMessageKind.Handshake, handshake.Message.Kind);
        var incoming = (ILink)opened.Detail!;
        incoming.Send(new Handshake(Torrent, default, true, true).ToMessage());
        for (var piece = 0; piece < 1000; piece++)
        {
            incoming.Send(PeerMessage.Have(new PieceIndex(piece)));
            incoming.Flush();
        }

        Assert.Equal(PeerMessageKind.Handshake, fromBox.Next().Message.Kind);
        for (var piece = 0; piece < 1000; piece++)
        {
            Assert.Equal(new PieceIndex(piece), fromBox.Next().Message.Piece);
        }
    }

    [Fact]
    public void Nothing_of_it_can_be_read_on_the_way()
    {
        var (from, _) = Start(EncryptionPolicy.Require);
        using var listener = Listener();
        var link = Connect(from, (IPEndPoint)listener.LocalEndPoint!);
        using var socket = listener.Accept();
        socket.ReceiveTimeout = (int)PostBox.Patience.TotalMilliseconds;
        var responder = StreamHandshake.Respond(_ => Torrent, StreamMethods.Rc4, RandomNumberGenerator.GetBytes(StreamHandshake.ChanceLength));
        var seen = new List<byte>();
        var buffer = new byte[2048];
        while (responder.State == StreamHandshakeState.Waiting)
        {
            var count = socket.Receive(buffer);
            Assert.NotEqual(0, count);
            seen.AddRange(buffer.AsSpan(0, count));
            responder.Receive(buffer.AsSpan(0, count));
            socket.Send(responder.TakeOutput());
        }

        link.Send(new Handshake(Torrent, default, true, true).ToMessage());
        link.Flush();
        var plain = new List<byte>(responder.Result!.First.ToArray());
        while (plain.Count < Handshake.Length)
        {
            var count = socket.Receive(buffer);
            Assert.NotEqual(0, count);
            seen.AddRange(buffer.AsSpan(0, count));
            responder.Result.Incoming!.Apply(buffer.AsSpan(0, count));
            plain.AddRange(buffer.AsSpan(0, count));
        }

        Assert.True(Handshake.TryRead(plain.ToArray(), out var handshake));
        Assert.Equal(Torrent, handshake.InfoHash);
        var wire = seen.ToArray();
        Assert.Equal((-1, -1), (wire.AsSpan().IndexOf("BitTorrent"u8), wire.AsSpan().IndexOf(Torrent.ToArray())));
    }

    [Fact]
    public void Who_requires_encryption_takes_nobody_in_the_clear()
    {
        var (to, box) = Start(EncryptionPolicy.Require);
        var endPoint = to.Listen(AnyPort);
        using var peer = RawPeer.ConnectTo(endPoint);
        peer.Send(RawPeer.Hello);
        Assert.True(peer.EndsSoon());
        Assert.False(box.TryNext(out _));
    }

    [Fact]
    public void Who_requires_encryption_says_why_a_peer_without_it_is_not_spoken_to()
    {
        var (from, box) = Start(EncryptionPolicy.Require);
        using var listener = Listener();
        Connect(from, (IPEndPoint)listener.LocalEndPoint!);
        listener.Accept().Dispose();
        var closed = box.Next();
        Assert.Equal(InputKind.LinkClosed, closed.Kind);
        Assert.NotNull(closed.Detail);
    }

    [Fact]
    public void Who_prefers_encryption_asks_again_in_the_clear()
    {
        var (from, box) = Start(EncryptionPolicy.Prefer);
        using var listener = Listener();
        var link = Connect(from, (IPEndPoint)listener.LocalEndPoint!);
        listener.Accept().Dispose();
        using var again = listener.Accept();
        Assert.Equal(InputKind.LinkOpened, box.Next().Kind);
        link.Send(new Handshake(Torrent, default, true, true).ToMessage());
        link.Flush();
        var bytes = new byte[Handshake.Length];
        again.ReceiveTimeout = (int)PostBox.Patience.TotalMilliseconds;
        for (var have = 0; have < bytes.Length;)
        {
            var count = again.Receive(bytes.AsSpan(have));
            Assert.NotEqual(0, count);
            have += count;
        }

        Assert.True(Handshake.TryRead(bytes, out _));
    }

    [Fact]
    public void Peers_that_say_nothing_or_noise_are_let_go_and_make_room()
    {
        var (to, box) = Start(EncryptionPolicy.Prefer, new TcpOptions { EncryptionTimeout = TimeSpan.FromMilliseconds(300), MaximumHalfOpenCount = 2 });
        var endPoint = to.Listen(AnyPort);
        for (var round = 0; round < 3; round++)
        {
            using var silent = RawPeer.ConnectTo(endPoint);
            using var noisy = RawPeer.ConnectTo(endPoint);
            noisy.Send(RandomNumberGenerator.GetBytes(2000));
            AssertEnds(noisy); // having been told our key
            AssertEnds(silent);
        }

        using var honest = RawPeer.ConnectTo(endPoint);
        honest.Send(RawPeer.Hello);
        Assert.Equal((InputKind.LinkOpened, InputKind.Message), (box.Next().Kind, box.Next().Kind));
    }

    private (TcpTransport Transport, PostBox Box) Start(EncryptionPolicy policy, TcpOptions? options = null)
    {
        var (transport, box) = (new TcpTransport((options ?? new TcpOptions()) with { Encryption = policy }), new PostBox());
        transport.Bind(box);
        transport.Know(default, Torrent);
        _transports.Add(transport);
        return (transport, box);
    }

    private static ILink Connect(TcpTransport transport, IPEndPoint endPoint) =>
        ((ILinkTransport)transport).Connect(LinkId.Outgoing(1), default, PeerAddress.From(endPoint.Address, endPoint.Port));

    private static void AssertEnds(RawPeer peer)
    {
        try
        {
            peer.ReceiveToEnd();
        }
        catch (SocketException exception)
        {
            Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
        }
    }

    private static Socket Listener()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(AnyPort);
        listener.Listen();
        return listener;
    }
}
