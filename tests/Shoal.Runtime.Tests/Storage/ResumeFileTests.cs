using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Storage;

public class ResumeFileTests
{
    private static readonly InfoHash Hash = new("aaaaaaaaaaaaaaaaaaaa"u8);

    private static ResumeData Sample()
    {
        var layout = new PieceLayout(1000, 100, 16);
        var have = new Bitfield(10);
        have.Set(3);
        have.Set(9);
        var blocks = new Bitfield(7);
        blocks.Set(6);
        return new ResumeData
        {
            InfoHash = Hash,
            Layout = layout,
            IsClean = true,
            Have = have,
            Partial = new Dictionary<PieceIndex, Bitfield> { [new PieceIndex(4)] = blocks },
            Files = [new FileFacts(1000, 12345678901234567), FileFacts.Missing],
            UploadedBytes = 5,
            DownloadedBytes = 7L << 40,
        };
    }

    [Fact]
    public void A_record_is_read_back_as_it_was_saved()
    {
        using var folder = new TempFolder();
        var file = new ResumeFile(folder["state"], Hash, folder["root"]);
        Assert.Null(file.Load(out var reason));
        Assert.Null(reason);
        var sample = Sample();
        file.Save(sample with { IsClean = false });
        file.Save(sample);
        var loaded = file.Load(out reason);
        Assert.Null(reason);
        Assert.NotNull(loaded);
        Assert.Equal((sample.InfoHash, sample.Layout, sample.IsClean, sample.UploadedBytes, sample.DownloadedBytes),
            (loaded.InfoHash, loaded.Layout, loaded.IsClean, loaded.UploadedBytes, loaded.DownloadedBytes));
        Assert.Equal(sample.Have.Bytes, loaded.Have.Bytes);
        Assert.Equal(sample.Files, loaded.Files);
        Assert.True(loaded.Partial[new PieceIndex(4)][6]);
        Assert.Single(Directory.GetFiles(folder["state"]));
        file.Delete();
        file.Delete();
        Assert.Null(file.Load(out _));
    }

    [Fact]
    public void A_record_torn_at_any_byte_or_with_any_byte_changed_is_passed_over_with_a_reason()
    {
        using var folder = new TempFolder();
        var file = new ResumeFile(folder.Path, Hash, folder.Path);
        var bytes = ResumeCodec.Encode(Sample());
        for (var i = 0; i < bytes.Length; i++)
        {
            File.WriteAllBytes(file.Path, bytes[..i]);
            Assert.Null(file.Load(out var reason));
            Assert.Contains(file.Path, reason, StringComparison.Ordinal);
            var flipped = (byte[])bytes.Clone();
            flipped[i] ^= 0x40;
            File.WriteAllBytes(file.Path, flipped);
            Assert.Null(file.Load(out reason));
            Assert.NotNull(reason);
        }
    }

    [Fact]
    public void Records_of_another_torrent_or_place_are_not_mistaken_for_ours()
    {
        using var folder = new TempFolder();
        var ours = new ResumeFile(folder.Path, Hash, "/one");
        Assert.NotEqual(ours.Path, new ResumeFile(folder.Path, Hash, "/two").Path);
        Assert.Equal(ours.Path, new ResumeFile(folder.Path, Hash, "/one/").Path);
        ours.Save(Sample() with { InfoHash = new InfoHash("bbbbbbbbbbbbbbbbbbbb"u8) });
        Assert.Null(ours.Load(out var reason));
        Assert.Contains("another torrent", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_download_is_resumed_without_hashing_and_a_touched_file_is_hashed()
    {
        using var folder = new TempFolder();
        var content = Content.Bytes(1, 3000);
        var files = Content.Files(("a", 1000), ("b", 2000));
        var layout = Content.Layout(files, 100);
        var resume = new ResumeFile(folder["state"], Hash, folder["root"]);
        using (var store = PieceStore.Open(files, layout, folder["root"], readOnly: false))
        {
            var recorder = ResumeRecorder.Begin(store, resume, Hash, new Bitfield(30));
            for (var i = 0; i < 30; i += 2)
            {
                store.Write(new PieceIndex(i), 0, content.AsSpan(i * 100, 100));
                recorder.PieceWritten(new PieceIndex(i));
            }

            recorder.SetTotals(11, 22);
            recorder.Stop();
        }

        var result = await CheckAsync(files, layout, folder["root"], resume, content);
        Assert.Equal((15, 0L), (result.Have.Count, result.HashedBytes));
        Assert.Equal(11, resume.Load(out _)!.UploadedBytes);

        File.SetLastWriteTimeUtc(folder["root/a"], DateTime.UtcNow.AddSeconds(5));
        result = await CheckAsync(files, layout, folder["root"], resume, content);
        Assert.Equal(15, result.Have.Count);
        Assert.InRange(result.HashedBytes, 500, 1000);

        using (var file = File.OpenWrite(folder["root/b"]))
        {
            file.Write(new byte[150]);
        }

        result = await CheckAsync(files, layout, folder["root"], resume, content);
        Assert.Equal(14, result.Have.Count);
        Assert.False(result.Have[10]);
    }

    [Fact]
    public async Task Pieces_whose_sync_failed_are_never_recorded()
    {
        using var folder = new TempFolder();
        var content = Content.Bytes(1, 200);
        var files = Content.Files(("a", 100), ("b", 100));
        var layout = Content.Layout(files, 100);
        var resume = new ResumeFile(folder["state"], Hash, folder["root"]);
        using var store = PieceStore.Open(files, layout, folder["root"], readOnly: false, handleCount: 1);
        var recorder = ResumeRecorder.Begin(store, resume, Hash, new Bitfield(2));
        store.Write(new PieceIndex(0), 0, content.AsSpan(0, 100));
        recorder.PieceWritten(new PieceIndex(0));
        store.Write(new PieceIndex(1), 0, content.AsSpan(100));
        File.Delete(folder["root/a"]);
        Assert.Throws<StorageException>(recorder.Record);
        File.WriteAllBytes(folder["root/a"], new byte[100]);
        recorder.PieceWritten(new PieceIndex(1));
        recorder.Stop();
        var record = resume.Load(out _)!;
        Assert.Equal((false, false, true), (record.IsClean, record.Have[0], record.Have[1]));
        var result = await CheckAsync(files, layout, folder["root"], resume, content);
        Assert.Equal((false, true), (result.Have[0], result.Have[1]));
    }

    [Fact]
    public void A_record_is_due_after_so_many_bytes()
    {
        using var folder = new TempFolder();
        var files = Content.Files(("a", 300));
        using var store = PieceStore.Open(files, Content.Layout(files, 100), folder.Path, readOnly: false);
        var policy = new ResumePolicy(TimeSpan.FromDays(1), 200);
        var recorder = ResumeRecorder.Begin(store, new ResumeFile(folder["state"], Hash, folder.Path), Hash, new Bitfield(3), policy: policy);
        Assert.False(recorder.IsDue);
        recorder.PieceWritten(new PieceIndex(0));
        Assert.False(recorder.IsDue);
        recorder.PieceWritten(new PieceIndex(1));
        Assert.True(recorder.IsDue);
    }

    private static Task<CheckResult> CheckAsync(List<ContentFile> files, PieceLayout layout, string root, ResumeFile resume, byte[] content)
    {
        using var store = PieceStore.Open(files, layout, root, readOnly: true);
        var plan = ResumePlan.Make(layout, files, resume.Load(out _), store.Survey());
        return Task.FromResult(ContentChecker.CheckAsync(store, Content.Hashes(layout, content), plan).GetAwaiter().GetResult());
    }
}
