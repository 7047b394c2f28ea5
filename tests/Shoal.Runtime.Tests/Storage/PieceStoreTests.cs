using System.Runtime.InteropServices;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Storage;

public class PieceStoreTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_is_written_anywhere_across_files_is_read_back_and_lies_in_the_right_files(int seed)
    {
        using var folder = new TempFolder();
        var random = new Random(seed);
        var files = RandomFiles(random);
        var layout = Content.Layout(files, random.Next(1, 200));
        var oracle = new byte[layout.TotalLength];
        using (var store = PieceStore.Open(files, layout, folder.Path, readOnly: false, handleCount: random.Next(1, 4)))
        {
            for (var i = 0; i < layout.PieceCount; i++)
            {
                WriteWithOracle(store, files, oracle, new PieceIndex(i), 0, Content.Bytes(seed + i, layout.LengthOf(new PieceIndex(i))));
            }

            for (var step = 0; step < 40 && layout.PieceCount > 0; step++)
            {
                var piece = new PieceIndex(random.Next(layout.PieceCount));
                var begin = random.Next(layout.LengthOf(piece));
                WriteWithOracle(store, files, oracle, piece, begin, Content.Bytes(seed - step, random.Next(1, layout.LengthOf(piece) - begin + 1)));
                ReadWithOracle(store, oracle, random);
            }

            store.Finish();
        }

        foreach (var file in files.Where(file => !file.IsPadding))
        {
            Assert.Equal(oracle.AsSpan((int)file.Offset, (int)file.Length).ToArray(), File.ReadAllBytes(folder[file.Path]));
        }

        foreach (var file in files.Where(file => file.IsPadding))
        {
            Assert.False(File.Exists(folder[file.Path]));
        }
    }

    private static List<ContentFile> RandomFiles(Random random)
    {
        var count = random.Next(1, 12);
        var files = new (string, long, ContentAttributes)[count];
        for (var i = 0; i < count; i++)
        {
            var attributes = random.Next(5) == 0 ? ContentAttributes.Padding : ContentAttributes.None;
            files[i] = ($"{(i % 3 == 0 ? "deep/er/" : "")}file {i}", random.Next(4) == 0 ? 0 : random.Next(300), attributes);
        }

        return Content.Files(files);
    }

    private static void WriteWithOracle(PieceStore store, List<ContentFile> files, byte[] oracle, PieceIndex piece, int begin, byte[] bytes)
    {
        store.Write(piece, begin, bytes);
        var offset = store.Layout.OffsetOf(piece) + begin;
        for (var i = 0; i < bytes.Length; i++)
        {
            var file = files.Last(file => file.Offset <= offset + i && file.Length > 0);
            oracle[offset + i] = file.IsPadding ? (byte)0 : bytes[i];
        }
    }

    private static void ReadWithOracle(PieceStore store, byte[] oracle, Random random)
    {
        var layout = store.Layout;
        const int Gap = 13;
        var first = random.Next(layout.PieceCount);
        var blocks = new List<BlockRequest>();
        for (var piece = first; piece < Math.Min(first + 3, layout.PieceCount); piece++)
        {
            for (var block = 0; block < layout.BlockCountOf(new PieceIndex(piece)); block++)
            {
                blocks.Add(layout.BlockAt(new PieceIndex(piece), block));
            }
        }

        if (random.Next(2) == 0)
        {
            random.Shuffle(CollectionsMarshal.AsSpan(blocks));
        }

        var buffer = new byte[blocks.Sum(block => block.Length + Gap) + 5];
        buffer.AsSpan().Fill(0xee);
        Assert.Equal(buffer.Length - 5, store.ReadBlocks(CollectionsMarshal.AsSpan(blocks), buffer, Gap));
        var position = 0;
        foreach (var block in blocks)
        {
            Assert.Equal(-1, buffer.AsSpan(position, Gap).IndexOfAnyExcept((byte)0xee));
            var expected = oracle.AsSpan((int)layout.OffsetOf(block.Piece) + block.Begin, block.Length);
            Assert.Equal(expected, buffer.AsSpan(position + Gap, block.Length));
            position += Gap + block.Length;
        }
    }

    [Fact]
    public void A_long_row_of_blocks_is_read_whole_though_one_call_cannot_take_it()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("a", 16 * 1000), ("b", 16 * 1000));
        var layout = Content.Layout(files, 32_000);
        var content = Content.Bytes(1, 32_000);
        using var store = PieceStore.Open(files, layout, folder.Path, readOnly: false);
        store.Write(new PieceIndex(0), 0, content);
        BlockRequest[] blocks = [.. Enumerable.Range(0, 2000).Select(i => layout.BlockAt(new PieceIndex(0), i))];
        var buffer = new byte[2000 * 17];
        store.ReadBlocks(blocks, buffer, 1);
        Assert.Equal(content, Enumerable.Range(0, 2000).SelectMany(i => buffer.AsSpan((i * 17) + 1, 16).ToArray()));
    }

    [Fact]
    public void Reading_batches_allocates_nothing()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("a", 1000), ("b", 600));
        var layout = Content.Layout(files, 1600);
        using var store = PieceStore.Open(files, layout, folder.Path, readOnly: false);
        store.Write(new PieceIndex(0), 0, Content.Bytes(1, 1600));
        store.Finish();
        BlockRequest[] blocks = [.. Enumerable.Range(0, 100).Select(i => layout.BlockAt(new PieceIndex(0), i))];
        var buffer = new byte[100 * 29];
        store.ReadBlocks(blocks, buffer, 13);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            store.ReadBlocks(blocks, buffer, 13);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Content_beyond_4_GiB_lies_sparse_in_its_place()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("big", 6L << 30), ("after", 100));
        var layout = Content.Layout(files, 1 << 20);
        using var store = PieceStore.Open(files, layout, folder.Path, readOnly: false);
        var bytes = Content.Bytes(7, 1 << 20);
        store.Write(new PieceIndex(5000), 0, bytes);
        store.Write(new PieceIndex(6144), 0, bytes.AsSpan(0, 100));
        store.Write(new PieceIndex(6143), (1 << 20) - 1, [42]);
        var read = new byte[1 << 20];
        store.Read(new PieceIndex(5000), 0, read);
        Assert.Equal(bytes, read);
        Assert.Equal(6L << 30, new FileInfo(folder["big"]).Length);
        Assert.Equal(bytes.AsSpan(0, 100).ToArray(), File.ReadAllBytes(folder["after"]));
        var extents = store.Survey()[0].Extents;
        if (extents is not null)
        {
            Assert.True(extents.Sum(extent => extent.Length) <= 2 << 20, "most of it is a hole");
        }
    }

    [Fact]
    public void No_more_files_stay_open_than_the_bound_with_many_workers()
    {
        using var folder = new TempFolder();
        var files = Content.Files([.. Enumerable.Range(0, 3000).Select(i => ($"d{i % 7}/{i}", 10L))]);
        var layout = Content.Layout(files, 100);
        using var store = PieceStore.Open(files, layout, folder.Path, readOnly: false, handleCount: 16);
        var before = CountOfOpenFiles(folder.Path);
        Parallel.For(0, layout.PieceCount, i => store.Write(new PieceIndex(i), 0, Content.Bytes(i, 100)));
        Assert.Equal(16, store.OpenHandleCount);
        Assert.Equal(16, CountOfOpenFiles(folder.Path) - before);
        store.Sync();
        Parallel.For(0, layout.PieceCount, i =>
        {
            var read = new byte[100];
            store.Read(new PieceIndex(i), 0, read);
            Assert.Equal(Content.Bytes(i, 100), read);
        });
        Assert.Equal(16, CountOfOpenFiles(folder.Path) - before);
    }

    private static int CountOfOpenFiles(string root) => OperatingSystem.IsLinux()
        ? Directory.EnumerateFiles("/proc/self/fd").Count(link => new FileInfo(link).LinkTarget?.StartsWith(root, StringComparison.Ordinal) == true)
        : 16;

    [Fact]
    public void Finishing_makes_empty_files_cuts_long_ones_and_lets_programs_run()
    {
        using var folder = new TempFolder();
        var files = Content.Files([("sub/empty", 0, ContentAttributes.None), ("run", 4, ContentAttributes.Executable), ("link", 0, ContentAttributes.Symlink)]);
        File.WriteAllBytes(folder["run"], new byte[50]);
        using var store = PieceStore.Open(files, Content.Layout(files, 4), folder.Path, readOnly: false);
        store.Write(new PieceIndex(0), 0, [1, 2, 3, 4]);
        store.Finish();
        Assert.Equal(0, new FileInfo(folder["sub/empty"]).Length);
        Assert.Equal([1, 2, 3, 4], File.ReadAllBytes(folder["run"]));
        Assert.False(Path.Exists(folder["link"]));
        if (!OperatingSystem.IsWindows())
        {
            Assert.True(File.GetUnixFileMode(folder["run"]).HasFlag(UnixFileMode.UserExecute));
        }
    }

    [Fact]
    public void An_empty_torrent_of_empty_files_is_made()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("a", 0), ("b/c", 0));
        using var store = PieceStore.Open(files, Content.Layout(files, 16), folder["new/root"], readOnly: false);
        store.Finish();
        Assert.True(File.Exists(folder["new/root/b/c"]));
    }

    [Theory]
    [InlineData("touched")]
    [InlineData("longer")]
    [InlineData("shorter")]
    [InlineData("overwritten")]
    [InlineData("replaced")]
    [InlineData("gone")]
    public void A_source_that_changes_while_it_is_seeded_is_not_served(string how)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["a"], Content.Bytes(1, 64));
        File.SetLastWriteTimeUtc(folder["a"], DateTime.UtcNow.AddHours(-1));
        File.WriteAllBytes(folder["b"], Content.Bytes(2, 64));
        var files = Content.Files(("a", 64), ("b", 64));
        using var store = PieceStore.Open(files, Content.Layout(files, 64), folder.Path, readOnly: true, handleCount: 1);
        var buffer = new byte[64];
        store.Read(new PieceIndex(0), 0, buffer);
        Assert.Equal(Content.Bytes(1, 64), buffer);
        store.Read(new PieceIndex(1), 0, buffer);
        switch (how)
        {
            case "touched":
                File.SetLastWriteTimeUtc(folder["a"], DateTime.UtcNow);
                break;
            case "longer":
                File.AppendAllText(folder["a"], "x");
                break;
            case "shorter":
                using (var file = File.OpenWrite(folder["a"]))
                {
                    file.SetLength(63);
                }

                break;
            case "overwritten":
                File.WriteAllBytes(folder["a"], Content.Bytes(3, 64));
                break;
            case "replaced":
                File.WriteAllBytes(folder["new"], Content.Bytes(3, 64));
                File.Move(folder["new"], folder["a"], overwrite: true);
                break;
            case "gone":
                File.Delete(folder["a"]);
                break;
        }

        var error = Assert.Throws<StorageException>(() => store.Read(new PieceIndex(0), 0, buffer));
        Assert.Equal(StorageErrorKind.Changed, error.Kind);
        Assert.Contains(folder["a"], error.Message, StringComparison.Ordinal);
        store.Read(new PieceIndex(1), 0, buffer);
    }

    [Fact]
    public void A_finished_download_notices_changes_as_well()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("a", 64));
        using var store = PieceStore.Open(files, Content.Layout(files, 64), folder.Path, readOnly: false);
        store.Write(new PieceIndex(0), 0, Content.Bytes(1, 64));
        store.Finish();
        var buffer = new byte[64];
        store.Read(new PieceIndex(0), 0, buffer);
        File.SetLastWriteTimeUtc(folder["a"], DateTime.UtcNow.AddHours(1));
        Assert.Equal(StorageErrorKind.Changed, Assert.Throws<StorageException>(() => store.Read(new PieceIndex(0), 0, buffer)).Kind);
        store.Write(new PieceIndex(0), 0, Content.Bytes(1, 64));
        store.Read(new PieceIndex(0), 0, buffer);
    }

    [Fact]
    public void A_change_between_the_look_and_the_finish_is_not_sealed_as_good()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("a", 64));
        File.WriteAllBytes(folder["a"], Content.Bytes(1, 64));
        using var store = PieceStore.Open(files, Content.Layout(files, 64), folder.Path, readOnly: true);
        File.WriteAllBytes(folder["a"], Content.Bytes(2, 64));
        File.SetLastWriteTimeUtc(folder["a"], DateTime.UtcNow.AddHours(1));
        store.Finish();
        Assert.Equal(StorageErrorKind.Changed, Assert.Throws<StorageException>(() => store.Read(new PieceIndex(0), 0, new byte[64])).Kind);
    }

    [Fact]
    public void Reading_what_is_not_there_names_the_file()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("a", 64));
        using var store = PieceStore.Open(files, Content.Layout(files, 64), folder.Path, readOnly: false);
        var error = Assert.Throws<StorageException>(() => store.Read(new PieceIndex(0), 0, new byte[64]));
        Assert.Equal(StorageErrorKind.NotFound, error.Kind);
        Assert.Contains(folder["a"], error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_range_outside_its_piece_is_refused()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("a", 64));
        using var store = PieceStore.Open(files, Content.Layout(files, 64), folder.Path, readOnly: false);
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Write(new PieceIndex(0), 60, new byte[5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Read(new PieceIndex(1), 0, new byte[1]));
        Assert.Throws<ArgumentException>(() => PieceStore.Open(files, new PieceLayout(65, 64), folder.Path, readOnly: false));
    }
}
