using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Tcp;

namespace Shoal.Sockets.Tests.Tcp;

public sealed class LinkTests : IAsyncDisposable
{
    private const int BlockLength = 16384;

    private readonly PostBox _box = new();
    private readonly TcpTransport _transport = new(new TcpOptions { CloseTimeout = TimeSpan.FromSeconds(1), MaximumHalfOpenCount = 3 });
    private readonly byte[] _slot = GC.AllocateArray<byte>(64 * BlockLength, pinned: true);

    public LinkTests() => _transport.Bind(_box);

    public ValueTask DisposeAsync() => _transport.DisposeAsync();

    [Fact]
    public void A_handshake_passes_both_ways()
    {
        var (peer, link) = RawPeer.Open(_transport, _box);
        link.Send(new Handshake(default, default, true, true).ToMessage());
        link.Flush();
        Assert.Equal(RawPeer.Hello, peer.Receive(68));
        peer.Send(RawPeer.Hello);
        Assert.Equal(RawPeer.Hello, _box.Next().Message.Payload.ToArray());
        peer.Dispose();
        Assert.Equal("the peer closed the connection", _box.Next(InputKind.LinkClosed).Detail);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(12000)]
    [InlineData(1 << 20)]
    public void Blocks_land_in_their_places_in_any_order_and_any_pieces(int part)
    {
        var (peer, link) = RawPeer.Open(_transport, _box);
        var count = part == 1 ? 2 : 40;
        foreach (var number in Enumerable.Range(0, count))
        {
            Request(link, number);
        }

        link.Flush();
        var order = Enumerable.Range(0, count).ToArray();
        new Random(part).Shuffle(order.AsSpan(count / 2));
        byte[] bytes =
        [
            .. RawPeer.Hello,
            .. order.SelectMany(number => RawPeer.Bytes(PeerMessage.Have(new PieceIndex(number))).Concat(RawPeer.Piece(Block(number), (byte)(number + 1)))),
        ];
        for (var at = 0; at < bytes.Length; at += part)
        {
            peer.Send(bytes.AsSpan(at, Math.Min(part, bytes.Length - at)));
        }

        Assert.Equal(PeerMessageKind.Handshake, _box.Next().Message.Kind);
        foreach (var number in order)
        {
            Assert.Equal(PeerMessage.Have(new PieceIndex(number)), _box.Next().Message);
            var received = _box.Next();
            Assert.Equal((InputKind.BlockReceived, Block(number), new BufferSlot(5)), (received.Kind, received.Message.Block, received.Slot));
            Assert.False(Place(number).ContainsAnyExcept((byte)(number + 1)));
        }
    }

    [Fact]
    public void A_block_that_nobody_expects_is_thrown_away()
    {
        var (peer, link) = RawPeer.Open(_transport, _box);
        Request(link, 1);
        link.Flush();
        peer.Send(RawPeer.Hello);
        peer.Send(RawPeer.Piece(Block(0), 9));
        peer.Send(RawPeer.Piece(new BlockRequest(new PieceIndex(0), BlockLength, 100), 9)); // a part is not the block
        peer.Send(RawPeer.Piece(new BlockRequest(new PieceIndex(0), 0, 0), 9));
        peer.Send(RawPeer.Piece(Block(1), 7));
        peer.Send(RawPeer.Piece(Block(1), 8)); // once more
        _box.Next();
        Assert.Equal(
            [(InputKind.BlockDiscarded, BlockLength), (InputKind.BlockDiscarded, 100), (InputKind.BlockDiscarded, 0), (InputKind.BlockReceived, BlockLength), (InputKind.BlockDiscarded, BlockLength)],
            Enumerable.Range(0, 5).Select(_ => _box.Next()).Select(input => (input.Kind, input.Message.Length)));
        Assert.False(Place(1).ContainsAnyExcept((byte)7));
        Assert.False(Place(0).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_block_forgotten_when_half_of_it_is_there_leaves_its_place_alone()
    {
        var (peer, link) = RawPeer.Open(_transport, _box);
        Request(link, 0);
        link.Flush();
        peer.Send(RawPeer.Hello);
        var piece = RawPeer.Piece(Block(0), 9);
        peer.Send(piece.AsSpan(0, 9000));
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _slot[100]) == 9, PostBox.Patience));
        Assert.True(link.Forget(Block(0)));
        Place(0).Fill(3);
        peer.Send(piece.AsSpan(9000));
        Assert.Equal(BlockLength, _box.Next(InputKind.BlockDiscarded).Message.Length);
        Assert.False(Place(0).ContainsAnyExcept((byte)3));
    }

    [Fact]
    public void A_block_that_came_just_before_the_end_is_not_said_to_be_forgotten()
    {
        var (peer, link) = RawPeer.Open(_transport, _box);
        Request(link, 0);
        Request(link, 1);
        link.Flush();
        peer.Send(RawPeer.Hello);
        peer.Send(RawPeer.Piece(Block(0), 9));
        peer.Dispose();
        _box.Next(InputKind.BlockReceived);
        _box.Next(InputKind.LinkClosed);
        Assert.False(link.Forget(Block(0))); // it is on its way to the engine, which must be spared it
        Assert.True(link.Forget(Block(1)));
    }

    [Fact]
    public async Task Forgetting_at_any_moment_never_lets_a_byte_into_the_place()
    {
        var (peer, link) = RawPeer.Open(_transport, _box);
        var answering = Task.Run(() =>
        {
            peer.Send(RawPeer.Hello);
            var piece = RawPeer.Piece(Block(0), 9);
            for (var i = 0; i < 2000; i++)
            {
                peer.Receive(17);
                peer.Send(piece.AsSpan(0, 5000));
                peer.Send(piece.AsSpan(5000));
            }
        });
        var random = new Random(1);
        var forgotten = 0;
        _box.Next();
        for (var i = 0; i < 2000; i++)
        {
            Request(link, 0);
            link.Flush();
            Thread.SpinWait(random.Next(3000));
            var isForgotten = link.Forget(Block(0));
            Place(0).Fill(3);
            var input = _box.Next();
            Assert.Equal(isForgotten ? InputKind.BlockDiscarded : InputKind.BlockReceived, input.Kind);
            Assert.False(Place(0).ContainsAnyExcept((byte)3));
            forgotten += isForgotten ? 1 : 0;
        }

        Assert.NotEqual(0, forgotten);
        await answering.WaitAsync(PostBox.Patience);
    }

    [Theory]
    [InlineData("474554202f20485454502f312e310d0a", "handshake")]
    [InlineData("13426974546f7272656e742070726f746f63Ff", "handshake")]
    public void Garbage_closes_the_link_with_its_reason(string hex, string reason)
    {
        var (peer, _) = RawPeer.Open(_transport, _box);
        peer.Send(Convert.FromHexString(hex));
        Assert.Contains(reason, (string)_box.Next(InputKind.LinkClosed).Detail!);
        Assert.True(EndsSoon(peer));
    }

    [Fact]
    public void An_oversized_message_closes_the_link_with_its_reason()
    {
        var (peer, _) = RawPeer.Open(_transport, _box);
        peer.Send([.. RawPeer.Hello, 0x7f, 0, 0, 0, 7]);
        Assert.Equal(InputKind.Message, _box.Next().Kind);
        Assert.Equal("a message of 2130706432 bytes", _box.Next().Detail);
    }

    [Fact]
    public void A_reset_in_the_middle_of_a_block_is_told()
    {
        var (peer, link) = RawPeer.Open(_transport, _box);
        Request(link, 0);
        link.Flush();
        peer.Receive(17);
        peer.Send(RawPeer.Hello);
        peer.Send(RawPeer.Piece(Block(0), 9).AsSpan(0, 100));
        _box.Next();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _slot[80]) == 9, PostBox.Patience));
        peer.Reset();
        Assert.Equal("connection reset by peer", _box.Next().Detail);
        Assert.True(link.Forget(Block(0)));
        link.Send(PeerMessage.Have(new PieceIndex(1)));
        link.Flush();
        link.Close("late");
        Assert.False(_box.TryNext(out _));
        Assert.Equal(0, _transport.LinkCount);
    }

    [Fact]
    public void A_refused_connection_is_told()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound, but it does not listen
        var port = ((IPEndPoint)closed.LocalEndPoint!).Port;
        var link = ((ILinkTransport)_transport).Connect(LinkId.Outgoing(4), PeerAddress.From(IPAddress.Loopback, port));
        link.Send(new PeerMessage(PeerMessageKind.Choke));
        link.Flush();
        var input = _box.Next();
        Assert.Equal((InputKind.LinkClosed, LinkId.Outgoing(4), "connection refused"), (input.Kind, input.Link, (string)input.Detail!));
    }

    [Fact]
    public void A_peer_that_never_reads_is_let_go_when_a_megabyte_waits()
    {
        var (_, link) = RawPeer.Open(_transport, _box);
        var bitfield = PeerMessage.Bitfield(new byte[65536]);
        var count = 0;
        while (!_box.TryNext(out var input) || input.Kind != InputKind.LinkClosed)
        {
            link.Send(bitfield);
            link.Flush();
            Assert.InRange(count++, 0, 4096);
        }

        Assert.InRange(count, 17, 4096);
    }

    [Fact]
    public void Closing_sends_what_is_queued_first()
    {
        var layout = new PieceLayout(8 << 20, 1 << 20);
        var store = new ToyStore(layout, 1);
        var (peer, link) = RawPeer.Open(_transport, _box);
        for (var i = 0; i < 8 * 64; i++)
        {
            link.Upload(default, store, layout.BlockAt(new PieceIndex(i / 64), i % 64));
        }

        link.Send(PeerMessage.Have(new PieceIndex(1)));
        link.Close("enough");
        Assert.Equal((8 << 20) + (8 * 64 * 13) + 9, peer.ReceiveToEnd());
        var sent = 0;
        Input input;
        while ((input = _box.Next()).Kind == InputKind.BlocksSent)
        {
            sent += input.Count;
        }

        Assert.Equal((8 * 64, InputKind.LinkClosed, "enough"), (sent, input.Kind, (string)input.Detail!));
    }

    [Fact]
    public void Closing_ends_even_if_the_peer_does_not_read()
    {
        var layout = new PieceLayout(32 << 20, 1 << 20);
        var store = new ToyStore(layout, 1);
        var (_, link) = RawPeer.Open(_transport, _box);
        for (var i = 0; i < 32 * 64; i++)
        {
            link.Upload(default, store, layout.BlockAt(new PieceIndex(i / 64), i % 64));
        }

        link.Close("enough");
        Assert.Equal("enough", _box.Next(InputKind.LinkClosed).Detail);
        Assert.True(SpinWait.SpinUntil(() => _transport.LinkCount == 0, PostBox.Patience));
    }

    [Fact]
    public void Incoming_links_that_say_nothing_are_limited_and_make_room_when_they_speak()
    {
        var endPoint = _transport.Listen(new IPEndPoint(IPAddress.Loopback, 0));
        var peers = Enumerable.Range(0, 3).Select(_ => RawPeer.ConnectTo(endPoint)).ToList();
        var opened = Enumerable.Range(0, 3).Select(_ => _box.Next()).ToList();
        Assert.All(opened, input => Assert.True(input.Kind == InputKind.LinkOpened && input.Link.IsIncoming && input.Detail is ILink));
        Assert.Equal(peers.Select(peer => ((IPEndPoint)peer.Socket.LocalEndPoint!).Port), opened.Select(input => (int)input.Address.Port));
        Assert.True(EndsSoon(RawPeer.ConnectTo(endPoint)));

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
        ((ILinkTransport)bound).Connect(LinkId.Outgoing(1), PeerAddress.From(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port));
        using var accepted = listener.Accept();
        Assert.Equal("127.0.0.9", ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString());
        Assert.Equal(InputKind.LinkOpened, _box.Next().Kind);
    }

    [Fact]
    public async Task Links_share_one_buffer_when_the_bound_leaves_no_more()
    {
        var layout = new PieceLayout(4 << 20, 4 << 20);
        var store = new ToyStore(layout, 1);
        await using var narrow = new TcpTransport(new TcpOptions { MaximumUploadBufferBytes = 1, CloseTimeout = TimeSpan.FromSeconds(30) });
        narrow.Bind(_box);
        var opened = Enumerable.Range(0, 5).Select(_ => RawPeer.Open(narrow, _box)).ToList();
        for (var i = 0; i < 256; i++)
        {
            foreach (var (_, link) in opened)
            {
                link.Upload(default, store, layout.BlockAt(new PieceIndex(0), i));
                link.Flush();
            }
        }

        opened.ForEach(pair => pair.Link.Close(null));
        var counts = await Task.WhenAll(opened.Select(pair => Task.Run(pair.Peer.ReceiveToEnd))).WaitAsync(PostBox.Patience);
        Assert.All(counts, count => Assert.Equal((4 << 20) + (256 * 13), count));
    }

    [Fact]
    public void Blocks_that_cannot_be_read_are_each_told_and_others_go_on()
    {
        var layout = new PieceLayout(1 << 20, 1 << 20);
        var (peer, link) = RawPeer.Open(_transport, _box);
        link.Upload(default, new BrokenStore(), layout.BlockAt(new PieceIndex(0), 0));
        link.Upload(default, new BrokenStore(), layout.BlockAt(new PieceIndex(0), 1));
        link.Flush();
        var failed = new[] { _box.Next(), _box.Next() };
        Assert.All(failed, input => Assert.Equal((InputKind.ReadFailed, ReadFailure.Of(default, "unreadable")), (input.Kind, (ReadFailure)input.Detail!)));
        Assert.Equal([0, BlockLength], failed.Select(input => input.Message.Begin));
        link.Upload(default, new ToyStore(layout, 1), layout.BlockAt(new PieceIndex(0), 2));
        link.Flush();
        Assert.Equal(RawPeer.Piece(layout.BlockAt(new PieceIndex(0), 2), 0)[..13], peer.Receive(13 + BlockLength)[..13]);
        Assert.Equal((1, BlockLength), (_box.Next(InputKind.BlocksSent).Count, BlockLength));
    }

    [Fact]
    public void A_block_that_cannot_be_read_does_not_cost_us_those_that_were_to_be_sent_with_it()
    {
        var layout = new PieceLayout(4 * BlockLength, BlockLength);
        var toy = new ToyStore(layout, 1);
        var store = new PartlyBrokenStore(toy, broken: 1);
        var (peer, link) = RawPeer.Open(_transport, _box);
        for (var piece = 0; piece < 3; piece++)
        {
            link.Upload(default, store, layout.BlockAt(new PieceIndex(piece), 0));
        }

        link.Flush();
        Assert.Equal(1, _box.Next(InputKind.ReadFailed).Message.Piece.Value);
        foreach (var piece in new[] { 0, 2 })
        {
            var got = peer.Receive(13 + BlockLength);
            Assert.Equal(RawPeer.Piece(layout.BlockAt(new PieceIndex(piece), 0), 0)[..13], got[..13]);
            Assert.Equal(toy.Content.Slice(piece * BlockLength, BlockLength), got.AsSpan(13));
        }

        var sent = _box.Next(InputKind.BlocksSent);
        Assert.Equal((2, 2L * BlockLength), (sent.Count, sent.Bytes));
    }

    private static BlockRequest Block(int number) => new(new PieceIndex(0), number * BlockLength, BlockLength);

    private Span<byte> Place(int number) => _slot.AsSpan(number * BlockLength, BlockLength);

    private void Request(ILink link, int number) =>
        link.Request(Block(number), new BufferSlot(5), Marshal.UnsafeAddrOfPinnedArrayElement(_slot, number * BlockLength));

    private static bool EndsSoon(RawPeer peer)
    {
        try
        {
            return peer.Socket.Receive(new byte[1]) == 0;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    private sealed class BrokenStore : Shoal.Runtime.IPieceStore
    {
        public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) => throw new IOException("unwritable");

        public void Read(PieceIndex piece, int begin, Span<byte> destination) => throw new IOException("unreadable");

        public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) => throw new IOException("unreadable");
    }

    private sealed class PartlyBrokenStore(ToyStore store, int broken) : Shoal.Runtime.IPieceStore
    {
        public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) => store.Write(piece, begin, bytes);

        public void Read(PieceIndex piece, int begin, Span<byte> destination) => store.Read(piece, begin, destination);

        public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore)
        {
            foreach (var block in blocks)
            {
                if (block.Piece.Value == broken)
                {
                    throw new IOException("unreadable");
                }
            }

            return store.ReadBlocks(blocks, destination, gapBefore);
        }
    }
}
