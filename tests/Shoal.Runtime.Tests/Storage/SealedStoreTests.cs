using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Storage;

/// <summary>Plain files as the sealed pieces of a secret share.</summary>
public class SealedStoreTests
{
    private const int PieceLength = 1024;
    private static readonly SecretKey Key = new([.. Enumerable.Range(7, SecretKey.Length).Select(value => (byte)value)]);

    [Fact]
    public async Task What_is_sealed_from_files_becomes_the_same_files_elsewhere()
    {
        using var share = new Share();
        var hashes = await ContentHasher.HashAsync(share.Content, cancellation: TestContext.Current.CancellationToken);
        using var source = new SealedStore(share.Content, hashes);
        using var target = new Share(isCopy: true);
        using var copy = new SealedStore(target.Content, hashes);
        foreach (var piece in share.Pieces)
        {
            var bytes = new byte[share.Layout.LengthOf(piece)];
            source.ReadBlocks([new BlockRequest(piece, 0, 100), new BlockRequest(piece, 100, bytes.Length - 100)], bytes, 0);
            Assert.Equal(Hash(hashes, piece), PieceHasher.Hash(bytes));
            copy.Write(piece, 0, bytes);
        }

        target.Plain.Finish();
        Assert.Equal(["first", "second"], Directory.GetFiles(target.Folder.Path).Select(Path.GetFileName).Order());
        Assert.Equal(File.ReadAllBytes(share.Folder["first"]), File.ReadAllBytes(target.Folder["first"]));
        Assert.Equal(File.ReadAllBytes(share.Folder["second"]), File.ReadAllBytes(target.Folder["second"]));
        Assert.Equal(hashes, await ContentHasher.HashAsync(target.Content, cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_file_that_changed_though_its_length_and_time_did_not_is_never_sent()
    {
        using var share = new Share();
        var hashes = await ContentHasher.HashAsync(share.Content, cancellation: TestContext.Current.CancellationToken);
        var bytes = File.ReadAllBytes(share.Folder["first"]);
        bytes[1500] ^= 1;
        File.WriteAllBytes(share.Folder["first"], bytes);
        File.SetLastWriteTimeUtc(share.Folder["first"], Share.Time);
        using var store = new SealedStore(share.Content, hashes);
        var buffer = new byte[16];
        var error = Assert.Throws<StorageException>(() => store.ReadBlocks([new BlockRequest(new PieceIndex(1), 0, 16)], buffer, 0));
        Assert.Equal(StorageErrorKind.Changed, error.Kind);
        Assert.Equal($"piece 1 in '{share.Folder.Path}' is not what it was when it was sealed, and is not sent", error.Message);
        Assert.Equal(new byte[16], buffer);
        store.ReadBlocks([new BlockRequest(new PieceIndex(2), 0, 16)], buffer, 0);
    }

    [Fact]
    public void Blocks_of_an_unfinished_piece_are_kept_as_they_came_and_leave_no_file_behind()
    {
        using var target = new Share(isCopy: true);
        using var store = new SealedStore(target.Content, new byte[20 * target.Layout.PieceCount]);
        var blocks = Enumerable.Range(0, 5).ToDictionary(i => new PieceIndex(i), i => Content.Bytes(i, 256));
        foreach (var (piece, bytes) in blocks)
        {
            store.Write(piece, 512, bytes);
        }

        Assert.Empty(Directory.GetFiles(target.Folder.Path));
        foreach (var (piece, bytes) in blocks)
        {
            var read = new byte[256];
            store.Read(piece, 512, read);
            Assert.Equal(bytes, read);
            // Others never get them: they are not verified.
            Assert.Throws<StorageException>(() => store.ReadBlocks([new BlockRequest(piece, 512, 256)], read, 0));
        }
    }

    [Fact]
    public void The_place_of_a_piece_that_came_whole_is_another_s()
    {
        using var target = new Share(isCopy: true);
        using var spilled = new SpilledBlocks(target.Folder.Path, PieceLength);
        for (var i = 0; i < 100; i++)
        {
            spilled.Write(new PieceIndex(i), 24, Content.Bytes(i, 1000));
            var read = new byte[1000];
            Assert.True(spilled.TryRead(new PieceIndex(i), 24, read));
            Assert.Equal(Content.Bytes(i, 1000), read);
            if (i >= 2)
            {
                spilled.Forget(new PieceIndex(i - 2));
                Assert.False(spilled.TryRead(new PieceIndex(i - 2), 24, read));
            }
        }

        Assert.Equal(3 * PieceLength, spilled.LengthOnDisk);
    }

    [Fact]
    public void A_piece_that_the_key_did_not_seal_is_not_written_and_told_as_what_it_is()
    {
        using var target = new Share(isCopy: true);
        using var store = new SealedStore(target.Content, new byte[20 * target.Layout.PieceCount]);
        Assert.Null(store.Forgery);
        var error = Assert.Throws<StorageException>(() => store.Write(new PieceIndex(3), 0, Content.Bytes(1, PieceLength)));
        Assert.Equal(
            "piece 3 has the hash that the torrent says, and is not what the link's key sealed: whoever made this share made it wrong", error.Message);
        Assert.Equal(error.Message, store.Forgery);
        Assert.Empty(Directory.GetFiles(target.Folder.Path));
    }

    [Fact]
    public async Task A_check_finds_what_is_right_and_of_padding_only_the_source_that_it_is_there()
    {
        using var share = new Share();
        var hashes = await ContentHasher.HashAsync(share.Content, cancellation: TestContext.Current.CancellationToken);
        using var target = new Share(isCopy: true);
        Assert.Empty(SetOf((await CheckAsync(target, hashes)).Have)); // not even padding: who has it and nothing else knows where it begins

        using var store = new SealedStore(share.Content, hashes);
        using var copy = new SealedStore(target.Content, hashes);
        foreach (var i in new[] { 1, 4, 9 })
        {
            var bytes = new byte[PieceLength];
            store.Read(new PieceIndex(i), 0, bytes);
            copy.Write(new PieceIndex(i), 0, bytes);
        }

        var some = await CheckAsync(target, hashes);
        Assert.Equal([1, 4, 9], SetOf(some.Have));
        Assert.Equal(Enumerable.Range(0, 12), SetOf((await CheckAsync(share, hashes)).Have));
    }

    [Fact]
    public void Many_threads_get_pieces_from_a_cache_that_makes_each_once_as_long_as_it_has_room()
    {
        var layout = new PieceLayout(64L << 20, 4 << 20); // sixteen pieces, of which eight are kept
        var loads = 0;
        using var cache = new PieceCache(layout, (piece, bytes) =>
        {
            Interlocked.Increment(ref loads);
            bytes.Fill((byte)piece.Value);
        });
        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 12 }, i =>
        {
            Span<byte> block = stackalloc byte[64];
            cache.CopyTo(new BlockRequest(new PieceIndex(i % 8), 16 * i, 64), block);
            Assert.False(block.ContainsAnyExcept((byte)(i % 8)));
        });
        Assert.Equal(8, loads);
        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 12 }, i =>
        {
            Span<byte> block = stackalloc byte[64];
            cache.CopyTo(new BlockRequest(new PieceIndex(i % 16), 0, 64), block);
            Assert.False(block.ContainsAnyExcept((byte)(i % 16)));
        });
    }

    [Fact]
    public void A_piece_that_could_not_be_made_is_tried_again_by_the_next()
    {
        var fails = true;
        using var cache = new PieceCache(new PieceLayout(100, 100), (_, _) =>
        {
            if (fails)
            {
                throw new StorageException("no");
            }
        });
        Assert.Throws<StorageException>(() => cache.CopyTo(new BlockRequest(default, 0, 1), new byte[1]));
        fails = false;
        cache.CopyTo(new BlockRequest(default, 0, 1), new byte[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.CopyTo(new BlockRequest(default, 100, 1), new byte[1]));
    }

    private static Task<CheckResult> CheckAsync(Share share, byte[] hashes) => ContentChecker.CheckAsync(
        share.Content, hashes, ResumePlan.Make(share.Plain.Layout, share.Plain.Files, null, share.Plain.Survey()),
        cancellation: TestContext.Current.CancellationToken);

    private static int[] SetOf(Bitfield pieces) => [.. Enumerable.Range(0, pieces.Length).Where(piece => pieces[piece])];

    private static PieceHash Hash(byte[] hashes, PieceIndex piece) => new(hashes.AsSpan(piece.Value * 20, 20));

    /// <summary>Two files of ten pieces in all, and two of padding.</summary>
    private sealed class Share : IDisposable
    {
        public static readonly DateTime Time = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);

        public Share(bool isCopy = false)
        {
            List<ContentFile> files = [new("first", 4000, 0), new("second", 6000, 4000), new(".pad", 2000, 10_000, ContentAttributes.Padding)];
            Layout = new PieceLayout(12_000 + (12 * 16), PieceLength);
            if (!isCopy)
            {
                File.WriteAllBytes(Folder["first"], Storage.Content.Bytes(1, 4000));
                File.SetLastWriteTimeUtc(Folder["first"], Time);
                File.WriteAllBytes(Folder["second"], Storage.Content.Bytes(2, 6000));
            }

            Plain = PieceStore.Open(files, SealedLayout.PlainOf(Layout)!, Folder.Path, readOnly: !isCopy);
            Content = new SealedContent(Plain, Layout, Key);
        }

        public TempFolder Folder { get; } = new();

        public PieceLayout Layout { get; }

        public PieceStore Plain { get; }

        public SealedContent Content { get; }

        public IEnumerable<PieceIndex> Pieces => Enumerable.Range(0, Layout.PieceCount).Select(piece => new PieceIndex(piece));

        public void Dispose()
        {
            Content.Dispose();
            Plain.Dispose();
            Folder.Dispose();
        }
    }
}
