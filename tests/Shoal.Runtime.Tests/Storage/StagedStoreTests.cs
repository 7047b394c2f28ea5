using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Storage;

/// <summary>Content that is gathered in hidden files.</summary>
public class StagedStoreTests
{
    private const int PieceLength = 10_000; // not a multiple of a page, so that maps begin within one
    private const int BlockLength = 3_000;

    [Fact]
    public unsafe void A_block_that_is_mapped_is_the_block_that_is_read()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux maps blocks");
        using var folder = new TempFolder();
        var files = Content.Files(("one", 64_321), ("two", 28_765));
        var layout = new PieceLayout(files.Sum(file => file.Length), PieceLength, BlockLength);
        var content = Content.Bytes(7, (int)layout.TotalLength);
        using var store = StagedStore.Open(files, layout, folder.Path, isKept: _ => false);
        WriteAll(store, layout, content);
        var (mapped, across) = (0, 0);
        foreach (var block in Blocks(layout))
        {
            using var bytes = store.TryLend(block, mayMap: true);
            var at = (int)layout.OffsetOf(block.Piece) + block.Begin;
            if (at < files[0].Length && at + block.Length > files[0].Length)
            {
                Assert.Null(bytes); // it lies in two files
                across++;
                continue;
            }

            Assert.NotNull(bytes);
            Assert.True(content.AsSpan(at, block.Length).SequenceEqual(new ReadOnlySpan<byte>(bytes.Bytes, block.Length)));
            mapped++;
        }

        Assert.Equal((1, Blocks(layout).Count()), (across, mapped + across));
    }

    [Fact]
    public unsafe void What_cannot_be_read_is_not_mapped()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("file", 2 * PieceLength));
        var layout = new PieceLayout(2 * PieceLength, PieceLength, BlockLength);
        using var store = StagedStore.Open(files, layout, folder.Path, isKept: _ => false);
        Assert.Null(store.TryLend(new BlockRequest(new PieceIndex(0), 0, BlockLength), mayMap: true)); // there is no file yet

        store.Write(new PieceIndex(0), 0, Content.Bytes(1, PieceLength));
        Assert.Null(store.TryLend(new BlockRequest(new PieceIndex(1), BlockLength, BlockLength), mayMap: true)); // its page is beyond the end
    }

    [Fact]
    public void Files_that_bear_their_names_are_read_and_not_mapped()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("file", 2 * PieceLength));
        var layout = new PieceLayout(2 * PieceLength, PieceLength, BlockLength);
        var content = Content.Bytes(3, 2 * PieceLength);
        using var store = StagedStore.Open(files, layout, folder.Path, isKept: _ => false);
        WriteAll(store, layout, content);
        Assert.False(File.Exists(folder["file"]));

        store.Publish(_ => true, (_, _) => { });

        Assert.Equal(content, File.ReadAllBytes(folder["file"]));
        var block = new BlockRequest(new PieceIndex(1), 0, BlockLength);
        Assert.Null(store.TryLend(block, mayMap: true)); // somebody may cut it now
        var read = new byte[BlockLength];
        store.Read(block.Piece, block.Begin, read);
        Assert.Equal(content.AsSpan(PieceLength, BlockLength).ToArray(), read);
    }

    [Fact]
    public async Task Files_get_their_names_once_no_block_of_them_is_mapped_any_more()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux maps blocks");
        using var folder = new TempFolder();
        var files = Content.Files(("file", PieceLength));
        var layout = new PieceLayout(PieceLength, PieceLength, BlockLength);
        using var store = StagedStore.Open(files, layout, folder.Path, isKept: _ => false);
        WriteAll(store, layout, Content.Bytes(5, PieceLength));
        var bytes = store.TryLend(new BlockRequest(new PieceIndex(0), 0, BlockLength), mayMap: true);
        Assert.NotNull(bytes);
        var hadName = true;
        var publishing = Task.Run(() => store.Publish(_ => true, (_, _) => { }), TestContext.Current.CancellationToken);
        var letting = Task.Run(
            () =>
            {
                // The next is refused as soon as publishing begins.
                while (store.TryLend(new BlockRequest(new PieceIndex(0), 0, BlockLength), mayMap: true) is { } another)
                {
                    another.Dispose();
                }

                hadName = File.Exists(folder["file"]);
                bytes.Dispose();
            },
            TestContext.Current.CancellationToken);
        await Task.WhenAll(publishing, letting);
        Assert.False(hadName);
        Assert.True(File.Exists(folder["file"]));
    }

    private static void WriteAll(StagedStore store, PieceLayout layout, byte[] content)
    {
        for (var i = 0; i < layout.PieceCount; i++)
        {
            var piece = new PieceIndex(i);
            store.Write(piece, 0, content.AsSpan((int)layout.OffsetOf(piece), layout.LengthOf(piece)));
        }
    }

    private static IEnumerable<BlockRequest> Blocks(PieceLayout layout)
    {
        for (var i = 0; i < layout.PieceCount; i++)
        {
            var length = layout.LengthOf(new PieceIndex(i));
            for (var begin = 0; begin < length; begin += BlockLength)
            {
                yield return new BlockRequest(new PieceIndex(i), begin, Math.Min(BlockLength, length - begin));
            }
        }
    }
}
