using System.Security.Cryptography;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Storage;

public class HashingTests
{
    public static TheoryData<int, int> Lengths => new()
    {
        { 0, 16 }, { 1, 16 }, { 16, 16 }, { 17, 16 }, { 5000, 100 }, { 64 * 40, 64 }, { (64 * 40) + 1, 64 }, { (128 * 37) - 1, 128 },
        { 1 << 20, 16 * 1024 }, { (1 << 20) + 7, 16 * 1024 }, { 3_000_000, 64 * 1024 }, { 3_000_000, 96 * 1024 }, { 2_000_000, 1_000_000 },
    };

    [Theory]
    [MemberData(nameof(Lengths))]
    public async Task Pieces_hash_as_the_platform_hashes_them_whatever_their_number_and_length(int length, int pieceLength)
    {
        using var folder = new TempFolder();
        var content = Content.Bytes(length, length);
        File.WriteAllBytes(folder["first"], content[..(length / 3)]);
        File.WriteAllBytes(folder["second"], content[(length / 3)..]);
        var scanned = ContentScanner.Scan(folder.Path);
        var layout = new PieceLayout(scanned.TotalLength, pieceLength);
        using var store = PieceStore.Open(scanned.Files, layout, scanned.Root, readOnly: true);
        var last = 0L;
        var hashes = await ContentHasher.HashAsync(store, bytes => Interlocked.Exchange(ref last, bytes), TestContext.Current.CancellationToken);
        Assert.Equal(Content.Hashes(layout, content), hashes);
        Assert.Equal(length, last);
    }

    [Fact]
    public void Sixteen_messages_at_once_hash_as_each_alone()
    {
        Assert.SkipUnless(Sha1Lanes.IsSupported, "this processor has no AVX-512");
        var lanes = new Sha1Lanes();
        for (var seed = 0; seed < 50; seed++)
        {
            var length = 64 * (seed % 9);
            var stride = length + (seed % 5);
            var buffer = Content.Bytes(seed, (stride * 16) + 64);
            lanes.Begin();
            lanes.Append(buffer, stride, length / 128 * 64);
            lanes.Append(buffer.AsSpan(length / 128 * 64), stride, length - (length / 128 * 64));
            var hashes = new PieceHash[16];
            lanes.End(length, hashes);
            for (var i = 0; i < 16; i++)
            {
                Assert.Equal(new PieceHash(SHA1.HashData(buffer.AsSpan(i * stride, length))), hashes[i]);
                Assert.Equal(hashes[i], PieceHasher.Hash(buffer.AsSpan(i * stride, length)));
            }
        }
    }

    [Fact]
    public void Hashing_a_piece_allocates_nothing()
    {
        var piece = Content.Bytes(1, 1000);
        PieceHasher.Hash(piece);
        var before = GC.GetAllocatedBytesForCurrentThread();
        PieceHasher.Hash(piece);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task A_file_that_changes_while_it_is_hashed_is_an_error_that_names_it()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["a"], new byte[100_000]);
        var scanned = ContentScanner.Scan(folder["a"]);
        using var store = PieceStore.Open(scanned.Files, new PieceLayout(100_000, 1024), scanned.Root, readOnly: true);
        File.AppendAllText(folder["a"], "more");
        var error = await Assert.ThrowsAsync<StorageException>(() => ContentHasher.HashAsync(store));
        Assert.Equal(StorageErrorKind.Changed, error.Kind);
        Assert.Contains(folder["a"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hashing_can_be_cancelled()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["a"], new byte[100_000]);
        var scanned = ContentScanner.Scan(folder["a"]);
        using var store = PieceStore.Open(scanned.Files, new PieceLayout(100_000, 1024), scanned.Root, readOnly: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ContentHasher.HashAsync(store, null, new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task A_check_without_a_record_finds_the_bad_the_missing_and_the_cut_files()
    {
        using var folder = new TempFolder();
        var content = Content.Bytes(3, 64 * 100);
        var files = Content.Files(("good", 64 * 20), ("bad", 64 * 20), ("gone", 64 * 20), ("cut", 64 * 20), ("long", 64 * 20), ("none", 0));
        foreach (var file in files.Where(file => file.Path is not ("gone" or "none")))
        {
            File.WriteAllBytes(folder[file.Path], content.AsSpan((int)file.Offset, (int)file.Length).ToArray());
        }

        using (var bad = File.OpenWrite(folder["bad"]))
        {
            bad.Position = 100;
            bad.WriteByte((byte)(content[(64 * 20) + 100] ^ 1));
        }

        using (var cut = File.OpenWrite(folder["cut"]))
        {
            cut.SetLength(64 * 10);
        }

        File.AppendAllText(folder["long"], "x");
        var layout = Content.Layout(files, 64);
        using var store = PieceStore.Open(files, layout, folder.Path, readOnly: true);
        var plan = ResumePlan.Make(layout, files, null, store.Survey());
        var result = await ContentChecker.CheckAsync(store, Content.Hashes(layout, content), plan, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(20 + 19 + 0 + 10 + 20, result.Have.Count);
        Assert.Equal(
            [
                new FileProblem(1, FileProblemKind.WrongContent, 64 * 20),
                new FileProblem(2, FileProblemKind.Missing, -1),
                new FileProblem(3, FileProblemKind.WrongLength, 64 * 10),
                new FileProblem(4, FileProblemKind.WrongLength, (64 * 20) + 1),
                new FileProblem(5, FileProblemKind.Missing, -1),
            ],
            ContentChecker.FindProblems(store, result.Have));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_cannot_be_read_is_named_and_keeps_nobody_from_the_rest(bool readOnly)
    {
        using var folder = new TempFolder();
        var content = Content.Bytes(3, 64 * 60);
        var files = Content.Files(("folder", 64 * 20), ("good", 64 * 20), ("cut", 64 * 20));
        Directory.CreateDirectory(folder["folder"]);
        foreach (var file in files.Skip(1))
        {
            File.WriteAllBytes(folder[file.Path], content.AsSpan((int)file.Offset, (int)file.Length).ToArray());
        }

        var layout = Content.Layout(files, 64);
        using var store = PieceStore.Open(files, layout, folder.Path, readOnly);
        var plan = ResumePlan.Make(layout, files, null, store.Survey());
        using (var cut = File.OpenWrite(folder["cut"]))
        {
            cut.SetLength(0); // as a disk that fails in the midst of it
        }

        var result = await ContentChecker.CheckAsync(store, Content.Hashes(layout, content), plan, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(20, result.Have.Count);
        Assert.Equal([0, 2], store.ReadErrors.Keys.Order());
        Assert.Equal($"will not open '{folder["folder"]}': it is not a regular file", store.ReadErrors[0].Message);
        Assert.StartsWith($"'{folder["cut"]}' is shorter than it should be", store.ReadErrors[2].Message, StringComparison.Ordinal);
        Assert.Equal(
            [new FileProblem(0, FileProblemKind.Unreadable, -1, store.ReadErrors[0]), new FileProblem(2, FileProblemKind.Unreadable, 0, store.ReadErrors[2])],
            ContentChecker.FindProblems(store, result.Have));
    }

    [Fact]
    public async Task Holes_that_should_be_zeros_are_had_without_reading()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("sparse", 64L << 20));
        var layout = Content.Layout(files, 1 << 20);
        using (var file = File.OpenWrite(folder["sparse"]))
        {
            file.SetLength(64L << 20);
        }

        using var store = PieceStore.Open(files, layout, folder.Path, readOnly: true);
        var survey = store.Survey();
        Assert.SkipWhen(survey[0].Extents is null, "this file system does not tell of holes");
        var plan = ResumePlan.Make(layout, files, null, survey);
        var result = await ContentChecker.CheckAsync(store, Content.Hashes(layout, new byte[64 << 20]), plan, cancellation: TestContext.Current.CancellationToken);
        Assert.True(result.Have.IsFull);
        Assert.Equal(0, result.HashedBytes);
    }

    [Fact]
    public void A_folder_is_scanned_in_the_order_of_path_bytes_with_links_inside_and_without_those_that_leave()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["root/b"]);
        Directory.CreateDirectory(folder["root/void"]);
        foreach (var name in new[] { "root/b/x", "root/b.txt", "root/.hidden", "root/é", "root/z", "outside" })
        {
            File.WriteAllText(folder[name], name);
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder["root/z"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        File.CreateSymbolicLink(folder["root/inside"], "b/x");
        File.CreateSymbolicLink(folder["root/leaves"], folder["outside"]);
        File.CreateSymbolicLink(folder["root/dangles"], "nowhere");
        Directory.CreateSymbolicLink(folder["root/up"], "..");
        Directory.CreateSymbolicLink(folder["link to root"], folder["root"]);
        var warnings = new List<string>();
        var scanned = ContentScanner.Scan(folder["link to root"] + "/", warnings.Add);
        Assert.Equal("link to root", scanned.Name);
        Assert.Equal([".hidden", "b.txt", "b/x", "inside", "z", "é"], scanned.Files.Select(file => file.Path));
        Assert.True(scanned.Files[4].IsExecutable);
        Assert.Equal(3, warnings.Count);
        using var store = PieceStore.Open(scanned.Files, new PieceLayout(scanned.TotalLength, 16), scanned.Root, readOnly: true);
        var buffer = new byte[1];
        store.Read(new PieceIndex((int)(scanned.Files[3].Offset / 16)), (int)(scanned.Files[3].Offset % 16), buffer);
        Assert.Equal("r"u8, buffer);
    }

    [Fact]
    public void Scanning_what_is_not_there_is_one_clear_line()
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<StorageException>(() => ContentScanner.Scan(folder["nothing"]));
        Assert.Equal($"there is no file or folder '{folder["nothing"]}'", error.Message);
        if (File.Exists("/dev/null"))
        {
            Assert.Contains("neither a file nor a folder", Assert.Throws<StorageException>(() => ContentScanner.Scan("/dev/null")).Message, StringComparison.Ordinal);
        }
    }
}
