using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Sockets.Tcp;

namespace Shoal.Sockets.Tests.Tcp;

/// <summary>What goes out over a link: all that was queued, up to a close or past a block that cannot be read.</summary>
public sealed class UploadTests : IAsyncDisposable
{
    private const int BlockLength = 16384;

    private readonly PostBox _box = new();
    private readonly TcpTransport _transport = new(new TcpOptions { CloseTimeout = TimeSpan.FromSeconds(1) });

    public UploadTests() => _transport.Bind(_box);

    public ValueTask DisposeAsync() => _transport.DisposeAsync();

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
