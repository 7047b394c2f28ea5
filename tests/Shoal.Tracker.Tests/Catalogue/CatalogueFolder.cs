using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Tracker.Catalogue;
using Shoal.Tracker.Catalogue.Postgres;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>A catalogue in a folder of its own, or in a database, that can be closed and opened again.</summary>
internal sealed class CatalogueFolder : IAsyncDisposable
{
    private readonly Workplace _place = new();
    private readonly TimeProvider _time;
    private readonly int _wasteWorthRewriting;

    private readonly PostgresDatabase? _database;

    public CatalogueFolder(int wasteWorthRewriting = int.MaxValue, TimeProvider? time = null, PostgresDatabase? database = null)
    {
        _database = database;
        (_wasteWorthRewriting, _time) = (wasteWorthRewriting, time ?? TimeProvider.System);
        Catalogue = Open();
    }

    public CatalogueCore Catalogue { get; private set; }

    public string Path => _place.Root;

    /// <summary>Lines of the journal, without its head.</summary>
    public async Task<int> CountLinesAsync() =>
        (await Unlocked.ReadAsync(System.IO.Path.Combine(Path, "journal"))).Count(character => character == '\n') - 1;

    public async Task ReopenAsync()
    {
        await Catalogue.DisposeAsync();
        Catalogue = Open();
    }

    public async Task<(CatalogueEntry Entry, bool IsNew)> PublishAsync(string name, string content, CancellationToken cancellationToken = default)
    {
        var torrent = Samples.Torrent(content);
        return await Catalogue.PublishAsync(Samples.Name(name), MetainfoWriter.ToArray(torrent), torrent, null, cancellationToken);
    }

    public async Task<int> VersionAsync(string name, string content) => (await PublishAsync(name, content)).Entry.Version;

    public Task<CatalogueRemoval?> RemoveAsync(string reference) => Catalogue.RemoveAsync(Samples.Reference(reference), null, default);

    public int[] VersionsOf(string name) => [.. Catalogue.VersionsOf(Samples.Name(name)).Select(entry => entry.Version)];

    /// <summary>The .torrent files that are kept, by the content that they are of.</summary>
    public bool HasTorrent(string content) => TorrentFiles().Contains($"{Samples.InfoHashOfTorrent(content)}.torrent", StringComparer.Ordinal);

    public string[] TorrentFiles() => _database is not null
        ? [.. _database.SqlAsync("SELECT encode(info_hash, 'hex') || '.torrent' FROM shoal.torrent").GetAwaiter().GetResult()]
        : [.. Directory.GetFiles(System.IO.Path.Combine(Path, "torrents"), "*", SearchOption.AllDirectories).Select(file => System.IO.Path.GetFileName(file))];

    public async ValueTask DisposeAsync()
    {
        await Catalogue.DisposeAsync();
        _place.Dispose();
    }

    public static CatalogueCore Open(string path) => CatalogueCore.Open(new FileStore(path, NullLogger.Instance), TimeProvider.System, NullLogger.Instance);

    private CatalogueCore Open() => CatalogueCore.Open(
        _database is null ? new FileStore(Path, NullLogger.Instance, _wasteWorthRewriting) : new PostgresStore(PostgresPlace.Parse(_database.ConnectionString), NullLogger.Instance),
        _time, NullLogger.Instance);
}
