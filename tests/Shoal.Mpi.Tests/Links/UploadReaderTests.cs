using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Links;

/// <summary>Memory of blocks that are sent.</summary>
public sealed class UploadReaderTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void Small_blocks_and_large_ones_in_turn_do_not_make_memory_grow()
    {
        using var reader = new UploadReader(8 * MiB, threadCount: 0);
        for (var round = 0; round < 50; round++)
        {
            // Many small ones are under way at once, and end in another order than they began.
            Send(reader, Enumerable.Repeat(1024, 50), upload => upload.Block.Begin % 7);
            Send(reader, Enumerable.Repeat(4 * MiB, 2), upload => upload.Block.Begin);
            Assert.InRange(reader.IdleBytes, 0, 8 * MiB);
        }

        Assert.True(reader.IsIdle);
    }

    [Fact]
    public void A_block_larger_than_the_bound_is_sent_all_the_same()
    {
        using var reader = new UploadReader(MiB, threadCount: 0);
        Send(reader, [2 * MiB, 10], upload => upload.Block.Begin);
        Assert.True(reader.IsIdle);
        Assert.InRange(reader.IdleBytes, 0, MiB);
    }

    [Fact]
    public unsafe void A_block_that_can_be_mapped_is_sent_from_there_and_let_go()
    {
        var folder = Directory.CreateTempSubdirectory("shoal-upload-");
        try
        {
            var layout = new PieceLayout(4 * MiB, MiB, MiB);
            using var store = StagedStore.Open([new ContentFile("file", 4 * MiB, 0)], layout, folder.FullName, isKept: _ => false);
            var piece = new byte[MiB];
            using var reader = new UploadReader(8 * MiB, threadCount: 0);
            for (var i = 0; i < 4; i++)
            {
                piece.AsSpan().Fill((byte)(i + 1));
                store.Write(new PieceIndex(i), 0, piece);
                Send(reader, [MiB], upload => upload.Block.Begin); // leaves an idle one that has memory of its own
                reader.Order(null!, default, store, new BlockRequest(new PieceIndex(i), 0, MiB), slot: 0, mayMap: true);
                Assert.True(reader.TryTake(out var mapped));
                Assert.Equal((i + 1, i + 1), (mapped.Bytes[0], mapped.Bytes[MiB - 1]));
                Assert.Equal(OperatingSystem.IsLinux() ? 0 : MiB, mapped.Capacity);
                reader.Return(mapped);
                Assert.True(reader.IsIdle);
            }

            store.Publish(_ => true, (_, _) => { }); // at once: nothing is mapped any more
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Send(UploadReader reader, IEnumerable<int> lengths, Func<Upload, int> order)
    {
        var begin = 0;
        foreach (var length in lengths)
        {
            reader.Order(null!, default, new Zeros(), new BlockRequest(new PieceIndex(0), begin++, length), slot: 0, mayMap: false);
        }

        for (var count = begin; count > 0;)
        {
            var ready = new List<Upload>();
            while (reader.TryTake(out var upload))
            {
                ready.Add(upload);
            }

            Assert.NotEmpty(ready);
            count -= ready.Count;
            foreach (var upload in ready.OrderBy(order))
            {
                reader.Return(upload);
            }
        }
    }

    private sealed class Zeros : IPieceStore
    {
        public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

        public void Read(PieceIndex piece, int begin, Span<byte> destination) => destination.Clear();
    }
}
