using Shoal.Interop.Foreign;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>What holds of a catalogue wherever it is kept: versions, their numbers and their .torrent files, across restarts.</summary>
public abstract class CatalogueContractTests
{
    private protected abstract Task<CatalogueFolder> OpenAsync(TimeProvider? time = null);

    [Fact]
    public async Task Versions_count_from_one_and_the_same_content_again_is_the_same_version()
    {
        await using var folder = await OpenAsync();
        Assert.Equal(1, await folder.VersionAsync("models/x", "one"));
        Assert.Equal(2, await folder.VersionAsync("models/x", "two"));
        var (entry, isNew) = await folder.PublishAsync("models/x", "two");
        Assert.False(isNew);
        Assert.Equal(2, entry.Version);
        Assert.Equal(2, folder.Catalogue.Feed.LastSequence);

        // What was before is a new version, and other names have numbers of their own.
        Assert.Equal(3, await folder.VersionAsync("models/x", "one"));
        Assert.Equal(1, await folder.VersionAsync("models/y", "one"));
        Assert.Equal([1, 2, 3], folder.VersionsOf("models/x"));
        Assert.Equal(Samples.Torrent("two").InfoHash, folder.Catalogue.Find(Samples.Reference("models/x@2"))!.InfoHash);
        Assert.Equal(3, folder.Catalogue.Find(Samples.Reference("models/x"))!.Version);
        Assert.Null(folder.Catalogue.Find(Samples.Reference("models/x@4")));
        Assert.Null(folder.Catalogue.Find(Samples.Reference("models")));
    }

    [Fact]
    public async Task What_is_removed_is_gone_and_is_not_removed_twice()
    {
        await using var folder = await OpenAsync();
        foreach (var content in new[] { "one", "two", "three" })
        {
            await folder.PublishAsync("x", content);
        }

        var removal = await folder.RemoveAsync("x@2");
        Assert.Equal(("x", 2, 3), (removal!.Name, removal.Version, removal.LastVersion));
        Assert.Equal([1, 3], folder.VersionsOf("x"));
        Assert.Null(await folder.RemoveAsync("x@2"));
        Assert.Null(await folder.RemoveAsync("x@4"));
        Assert.Null(await folder.RemoveAsync("y"));
        Assert.NotNull(await folder.RemoveAsync("x"));
        Assert.Empty(folder.VersionsOf("x"));
        Assert.Equal(0, folder.Catalogue.Count);
        Assert.Null(await folder.RemoveAsync("x"));
        await folder.ReopenAsync();
        Assert.Empty(folder.VersionsOf("x"));
    }

    [Fact]
    public async Task Torrent_files_go_when_nothing_names_them_any_more()
    {
        await using var folder = await OpenAsync();
        await folder.PublishAsync("x", "one");
        await folder.PublishAsync("x", "two");
        await folder.PublishAsync("y", "two");
        await folder.RemoveAsync("x@1");
        Assert.False(folder.HasTorrent("one"));
        await folder.RemoveAsync("x");
        Assert.True(folder.HasTorrent("two"));
        Assert.NotNull(await folder.Catalogue.ReadTorrentAsync(folder.Catalogue.Find(Samples.Reference("y"))!, default));
        await folder.RemoveAsync("y");
        Assert.Empty(folder.TorrentFiles());

        // It may come again.
        await folder.PublishAsync("x", "two");
        Assert.True(folder.HasTorrent("two"));
    }

    [Fact]
    public async Task Who_reads_on_from_a_number_hears_of_what_counts_and_of_removals()
    {
        await using var folder = await OpenAsync();
        await folder.PublishAsync("x", "one");      // 1
        await folder.PublishAsync("y", "two");      // 2
        await folder.PublishAsync("x", "three");    // 3
        await folder.RemoveAsync("y");              // 4
        await folder.RemoveAsync("x@2");            // 5
        await folder.PublishAsync("y", "four");     // 6
        await folder.RemoveAsync("x");              // 7
        for (var round = 0; round < 2; round++)
        {
            Assert.Equal([4, 6, 7], Sequences(folder, 0, 100));
            Assert.Equal([4, 6], Sequences(folder, 0, 2));
            Assert.Equal([6], Sequences(folder, 4, 1));
            Assert.Equal([7], Sequences(folder, 6, 100));
            Assert.Empty(Sequences(folder, 7, 100));
            await folder.ReopenAsync();
        }
    }

    [Fact]
    public async Task Many_who_publish_one_name_at_once_get_a_version_each()
    {
        await using var folder = await OpenAsync();
        var published = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => folder.PublishAsync("x", $"content {i}"))));
        Assert.Equal(Enumerable.Range(1, 20), published.Select(one => one.Entry.Version).Order());
        Assert.All(published, one => Assert.True(one.IsNew));
        await folder.ReopenAsync();
        var kept = folder.Catalogue.VersionsOf(Samples.Name("x"));
        Assert.Equal(published.Select(one => one.Entry).OrderBy(entry => entry.Version), kept);
        Assert.Equal(20, kept.Select(entry => entry.InfoHash).Distinct().Count());
        Assert.Equal(20, folder.TorrentFiles().Length);
    }

    [Fact]
    public async Task Many_who_publish_the_same_at_once_get_the_same_version()
    {
        await using var folder = await OpenAsync();
        var published = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => folder.PublishAsync("x", "the same"))));
        Assert.All(published, one => Assert.Equal(1, one.Entry.Version));
        Assert.Single(published, one => one.IsNew);
        Assert.Equal(1, folder.Catalogue.Feed.LastSequence);
    }

    [Fact]
    public async Task Names_that_are_published_at_once_are_all_there_after_a_restart()
    {
        await using var folder = await OpenAsync();
        var published = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => Task.Run(() => folder.PublishAsync($"n/{i}", $"content {i % 50}"))));
        Assert.Equal(Enumerable.Range(1, 300).Select(i => (long)i), published.Select(one => one.Entry.Sequence).Order());
        await folder.ReopenAsync();
        Assert.Equal(300, folder.Catalogue.Count);
        Assert.All(published, one => Assert.Equal(one.Entry, folder.Catalogue.Find(Samples.Reference(one.Entry.Name))));
        Assert.Equal(50, folder.TorrentFiles().Length);
    }

    [Fact]
    public async Task While_names_come_and_go_none_is_ever_without_its_torrent()
    {
        await using var folder = await OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 40; i++)
            {
                var (entry, _) = await folder.PublishAsync($"n/{worker}", $"content {i % 3}");
                Assert.NotNull(await folder.Catalogue.ReadTorrentAsync(entry, default));
                await folder.RemoveAsync(i % 2 == 0 ? entry.Name : $"{entry.Name}@{entry.Version}");
            }
        })));
        Assert.Equal(0, folder.Catalogue.Count);
    }

    [Fact]
    public async Task Who_stops_waiting_for_what_is_on_its_way_leaves_no_name_without_its_torrent()
    {
        // The catalogue asks for the time of each change: there it can be held up.
        var time = new HeldTime();
        await using var folder = await OpenAsync(time);
        await folder.PublishAsync("x", "the same");
        time.Hold();
        var removing = folder.RemoveAsync("x");
        await time.Reached;
        using var impatience = new CancellationTokenSource();
        var publishing = folder.PublishAsync("y", "the same", impatience.Token);
        while (folder.Catalogue.OrderCount == 0)
        {
            await Task.Yield();
        }

        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => publishing);
        time.Release();
        Assert.NotNull(await removing);
        await folder.PublishAsync("z", "another"); // comes behind it
        Assert.Equal([1], folder.VersionsOf("y"));
        Assert.NotNull(await folder.Catalogue.ReadTorrentAsync(folder.Catalogue.Find(Samples.Reference("y"))!, default));
    }

    [Fact]
    public async Task After_the_end_it_takes_nothing_and_says_so()
    {
        await using var folder = await OpenAsync();
        await folder.Catalogue.DisposeAsync();
        var error = await Assert.ThrowsAsync<CatalogueException>(() => folder.PublishAsync("x", "one"));
        Assert.Equal("the tracker is stopping", error.Message);
        await folder.ReopenAsync();
    }

    [Fact]
    public async Task What_is_published_says_what_it_is()
    {
        await using var folder = await OpenAsync();
        var torrent = Samples.Torrent("twelve bytes");
        var before = DateTimeOffset.UtcNow.AddTicks(-TimeSpan.TicksPerMicrosecond); // of which there are no parts
        var (entry, _) = await folder.Catalogue.PublishAsync(Samples.Name("x"), MetainfoWriter.ToArray(torrent), torrent, "ci", default);
        Assert.Equal(new CatalogueEntry("x", 1, torrent.InfoHash, 12, 1, 16 * 1024, entry.PublishedAt, 1) { PublishedBy = "ci" }, entry);
        Assert.InRange(entry.PublishedAt, before, DateTimeOffset.UtcNow);
        Assert.Equal("ci", (await folder.Catalogue.RemoveAsync(Samples.Reference("x"), "ci", default))!.RemovedBy);
    }

    private static long[] Sequences(CatalogueFolder folder, long after, int limit)
    {
        var changes = new List<CatalogueChange>();
        folder.Catalogue.CopyAfter(after, limit, changes);
        return [.. changes.Select(change => change.Sequence)];
    }

    private sealed class HeldTime : TimeProvider
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _open = new(initialState: true);

        public Task Reached => _reached.Task;

        public void Hold() => _open.Reset();

        public void Release() => _open.Set();

        public override DateTimeOffset GetUtcNow()
        {
            if (!_open.IsSet)
            {
                _reached.TrySetResult();
                _open.Wait();
            }

            return base.GetUtcNow();
        }
    }
}

/// <summary>In a folder.</summary>
public sealed class FolderContractTests : CatalogueContractTests
{
    private protected override Task<CatalogueFolder> OpenAsync(TimeProvider? time = null) => Task.FromResult(new CatalogueFolder(time: time));
}

/// <summary>In PostgreSQL.</summary>
public sealed class PostgresContractTests(PostgresServer server) : CatalogueContractTests, IClassFixture<PostgresServer>
{
    private protected override async Task<CatalogueFolder> OpenAsync(TimeProvider? time = null) => new(time: time, database: await server.NewDatabaseAsync());
}
