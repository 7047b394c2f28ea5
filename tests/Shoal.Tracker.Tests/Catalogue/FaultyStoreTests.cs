using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>A catalogue whose store fails as nobody foresaw.</summary>
public sealed class FaultyStoreTests
{
    [Fact]
    public async Task Who_waits_hears_of_a_fault_and_the_next_order_is_done()
    {
        using var place = new Workplace();
        var store = new FaultyStore(new FileStore(place.At("catalogue"), NullLogger.Instance));
        await using var catalogue = CatalogueCore.Open(store, TimeProvider.System, NullLogger.Instance);
        store.Fails = true;
        var error = await Assert.ThrowsAsync<CatalogueException>(() => PublishAsync(catalogue));
        Assert.Contains("unexpected: a fault", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.InnerException); // so that /healthz tells of it
        store.Fails = false;
        Assert.Equal(1, (await PublishAsync(catalogue)).Version);
    }

    private static async Task<Shoal.Protocol.Catalogue.CatalogueEntry> PublishAsync(CatalogueCore catalogue)
    {
        var torrent = Samples.Torrent("content");
        return (await catalogue.PublishAsync(Samples.Name("x"), MetainfoWriter.ToArray(torrent), torrent, null, TestContext.Current.CancellationToken)).Entry;
    }

    private sealed class FaultyStore(FileStore store) : ICatalogueStore
    {
        public bool Fails { get; set; }

        public bool IsShared => false;

        public long Load(Action<CatalogueChange> replay) => store.Load(replay);

        public void Watch(Action changed) => store.Watch(changed);

        public IReadOnlyList<CatalogueChange> ReadAfter(long sequence) => store.ReadAfter(sequence);

        public ICatalogueWriting Begin(long sequence) => Fails ? throw new InvalidCastException("a fault") : store.Begin(sequence);

        public Task<byte[]?> ReadTorrentAsync(InfoHash infoHash, CancellationToken cancellationToken) => store.ReadTorrentAsync(infoHash, cancellationToken);

        public void Forget(HashSet<InfoHash> gone, CatalogueIndex index) => store.Forget(gone, index);

        public void Tidy(CatalogueIndex index, long sequence) => store.Tidy(index, sequence);

        public ValueTask DisposeAsync() => store.DisposeAsync();
    }
}
