using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Tcp;

namespace Shoal.Sockets.Tests.Tcp;

/// <summary>What comes in over a link: each block in its place, nothing anywhere else, and every end with its reason.</summary>
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
        Assert.True(peer.EndsSoon());
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

    private static BlockRequest Block(int number) => new(new PieceIndex(0), number * BlockLength, BlockLength);

    private Span<byte> Place(int number) => _slot.AsSpan(number * BlockLength, BlockLength);

    private void Request(ILink link, int number) =>
        link.Request(Block(number), new BufferSlot(5), Marshal.UnsafeAddrOfPinnedArrayElement(_slot, number * BlockLength));
}
