using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Interop.Foreign;
using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Catalogue;
using Shoal.Tracker.Catalogue.Postgres;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>PostgreSQL that is not there, goes and comes again, or is not what was expected.</summary>
public sealed class PostgresFaultTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_it_is_restarted_publishing_is_refused_and_afterwards_nothing_is_lost_or_told_twice(bool atOnce)
    {
        await using var server = new PostgresServer();
        var database = await server.NewDatabaseAsync();
        await using var one = await PostgresTrackerTests.StartAsync(database);
        await using var other = await PostgresTrackerTests.StartAsync(database);
        await using var subscriber = await other.SubscribeAsync();
        Assert.Equal("ready", await subscriber.NextAsync());

        // Four who publish without a pause, through both, while the server ends in the middle of it.
        var acknowledged = new HashSet<string>(StringComparer.Ordinal);
        using var stop = new CancellationTokenSource();
        var publishing = Enumerable.Range(0, 4).Select(worker => Task.Run(() => PublishAsync(worker % 2 == 0 ? one : other, worker, acknowledged, stop.Token))).ToList();
        await PostgresTrackerTests.UntilAsync(() => Task.FromResult(CountOf(acknowledged) > 40));
        await server.WhileAwayAsync(async () =>
        {
            Answer refused;
            do
            {
                refused = await one.PublishAsync("away", "one");
            }
            while (refused.Status != HttpStatusCode.ServiceUnavailable);

            Assert.Contains(" is away: ", refused.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(PostgresProcess.Password, refused.Error, StringComparison.Ordinal);
            Assert.NotNull(refused.Headers.RetryAfter);
            foreach (var tracker in new[] { one, other })
            {
                Assert.Equal(HttpStatusCode.OK, (await tracker.GetAsync("/api/v1/names?pattern=worker/**")).Status);
                Assert.Equal(HttpStatusCode.ServiceUnavailable, (await tracker.RemoveAsync("worker/0/0")).Status);
            }
        }, atOnce);
        // Each tracker notices by itself that the database is back.
        var before = Enumerable.Range(0, 4).Select(worker => CountOf(acknowledged, worker)).ToList();
        await PostgresTrackerTests.UntilAsync(() => Task.FromResult(Enumerable.Range(0, 4).All(worker => CountOf(acknowledged, worker) > before[worker] + 10)));
        await stop.CancelAsync();
        await Task.WhenAll(publishing);
        Assert.Equal(HttpStatusCode.Created, (await one.PublishAsync("end", "one")).Status);

        var told = new List<string>();
        for (string? next; (next = await subscriber.NextAsync()) != "published end@1";)
        {
            told.Add(Assert.IsType<string>(next));
        }

        Assert.Equal(told.Distinct(StringComparer.Ordinal).Count(), told.Count);
        Assert.Superset(acknowledged, told.ToHashSet(StringComparer.Ordinal));
        // Each name was published once and with one content: a second version would be one that was published twice.
        Assert.All(told.Where(said => said.StartsWith("published worker", StringComparison.Ordinal)), said => Assert.EndsWith("@1", said, StringComparison.Ordinal));
        Assert.Equal(["0"], await database.SqlAsync("SELECT count(*) FROM shoal.change WHERE version > 1 AND name LIKE 'worker/%'"));
        Assert.Equal([$"{told.Count + 1}"], await database.SqlAsync("SELECT count(*) FROM shoal.change"));
    }

    [Fact]
    public async Task Who_asks_whether_all_is_well_hears_of_the_database_and_of_its_return_though_nobody_publishes()
    {
        await using var server = new PostgresServer();
        var database = await server.NewDatabaseAsync();
        await using var tracker = await PostgresTrackerTests.StartAsync(database);
        await tracker.PublishAsync("before", "one");
        await server.WhileAwayAsync(async () =>
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await tracker.PublishAsync("away", "one")).Status);
            var sick = await tracker.GetAsync("/healthz");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, sick.Status);
            Assert.DoesNotContain(PostgresProcess.Password, sick.Text, StringComparison.Ordinal);
        });
        await PostgresTrackerTests.UntilAsync(async () => (await tracker.GetAsync("/healthz")).Status == HttpStatusCode.OK);
    }

    [Fact]
    public async Task Tokens_are_known_while_the_database_is_away()
    {
        await using var server = new PostgresServer();
        var database = await server.NewDatabaseAsync();
        await using var tracker = await PostgresTrackerTests.StartAsync(database);
        var secret = database.Tokens.Create("ci", CatalogueRights.Publish, "nightly/**");
        await PostgresTrackerTests.UntilAsync(async () => (await tracker.PublishAsync("nightly/x", "one", secret, CatalogueServer.Stranger)).Status == HttpStatusCode.Created);
        await server.WhileAwayAsync(async () =>
        {
            // Not for want of a right, but of a place to keep it.
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await tracker.PublishAsync("nightly/y", "one", secret, CatalogueServer.Stranger)).Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await tracker.PublishAsync("other/y", "one", secret, CatalogueServer.Stranger)).Status);
            Assert.Equal(HttpStatusCode.Unauthorized, (await tracker.PublishAsync("nightly/y", "one", "made up", CatalogueServer.Stranger)).Status);
        });
    }

    [Fact]
    public async Task A_connection_that_breaks_while_all_is_read_hands_nothing_over_twice()
    {
        const int Count = 50_000;
        await using var server = new PostgresServer();
        var database = await server.NewDatabaseAsync();
        await using (var tracker = await PostgresTrackerTests.StartAsync(database))
        {
            await tracker.PublishAsync("a", "one");
        }

        await database.SqlAsync(FormattableString.Invariant($"""
            INSERT INTO shoal.change (sequence, name, version, info_hash, size, file_count, piece_length, at)
                SELECT number, 'n' || number, 1, info_hash, size, file_count, piece_length, at FROM shoal.change, generate_series(2, {Count}) number;
            UPDATE shoal.head SET last_sequence = {Count};
            """));
        await using var store = new PostgresStore(PostgresPlace.Parse(database.ConnectionString), NullLogger.Instance);
        var names = new List<string>();
        var error = Assert.Throws<CatalogueException>(() => store.Load(change =>
        {
            if (names.Count == 0)
            {
                Task.Run(() => database.SqlAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")).GetAwaiter().GetResult();
            }

            names.Add(change.Name);
        }));
        Assert.EndsWith(" went away while the catalogue was read", error.Message, StringComparison.Ordinal);
        Assert.Equal(names.Distinct(StringComparer.Ordinal).Count(), names.Count);

        var all = new HashSet<string>(StringComparer.Ordinal);
        Assert.Equal(Count, store.Load(change => Assert.True(all.Add(change.Name))));
        Assert.Equal(Count, all.Count);
    }

    [Fact]
    public async Task What_was_not_written_when_the_connection_broke_is_found_out()
    {
        await using var server = new PostgresServer();
        var database = await server.NewDatabaseAsync();
        await using var one = await PostgresTrackerTests.StartAsync(database);
        await one.PublishAsync("before", "one");
        // At the very end of the transaction, while it is committed, the server's process for it is ended.
        await database.SqlAsync("""
            CREATE FUNCTION shoal.cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.name = 'cut' THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF;
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON shoal.change DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shoal.cut();
            """);
        await using var subscriber = await one.SubscribeAsync("?pattern=cut");
        Assert.Equal("ready", await subscriber.NextAsync());
        var refused = await one.PublishAsync("cut", "one");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.Status);
        Assert.EndsWith("; nothing was changed, order it again", refused.Error, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await one.GetAsync("/api/v1/names/cut")).Status);
        await database.SqlAsync("DROP TRIGGER cut ON shoal.change");
        Assert.Equal(1, (await one.PublishAsync("cut", "one")).Entry.Version);
        Assert.Equal("published cut@1", await subscriber.NextAsync());
    }

    [Fact]
    public async Task What_was_written_when_the_connection_broke_is_found_out_and_is_not_written_twice()
    {
        await using var server = new PostgresServer();
        var database = await server.NewDatabaseAsync();
        var store = new BreakingStore(new PostgresStore(PostgresPlace.Parse(database.ConnectionString), NullLogger.Instance));
        await using var catalogue = CatalogueCore.Open(store, TimeProvider.System, NullLogger.Instance);
        async Task<CatalogueEntry> PublishAsync(string content) =>
            (await catalogue.PublishAsync(Samples.Name("x"), Samples.TorrentBytes(content), Samples.Torrent(content), null, default)).Entry;

        Assert.Equal(1, (await PublishAsync("one")).Version);
        store.FailureCount = 3; // it is there; that it is cannot be seen at once
        Assert.Equal(2, (await PublishAsync("two")).Version);
        Assert.Equal(3, (await PublishAsync("three")).Version);
        store.FailureCount = 1;
        Assert.NotNull(await catalogue.RemoveAsync(Samples.Reference("x@2"), null, default));
        Assert.Equal([1, 3], catalogue.VersionsOf(Samples.Name("x")).Select(entry => entry.Version));
        var told = new List<CatalogueChange>();
        Assert.True(catalogue.Feed.TryRead(0, 100, told, out _));
        Assert.Equal([1, 2, 3, 4], told.Select(change => change.Sequence));
        Assert.Equal(["4"], await database.SqlAsync("SELECT count(*) FROM shoal.change"));
    }

    [Fact]
    public async Task What_stands_in_the_way_at_the_start_is_one_line_without_the_password()
    {
        await using var server = new PostgresServer();
        var database = await server.NewDatabaseAsync();
        await FailsAsync(database.ConnectionString.Replace("test1", "nothing", StringComparison.Ordinal), "there is no database 'nothing' in PostgreSQL at 127.0.0.1:");
        await FailsAsync(database.ConnectionString.Replace("a secret", "another secret", StringComparison.Ordinal), "does not let us in: password authentication failed for user");
        await using (await PostgresTrackerTests.StartAsync(database))
        {
        }

        await database.SqlAsync("INSERT INTO shoal.migration (number) SELECT max(number) + 1 FROM shoal.migration");
        await FailsAsync(database.ConnectionString, "is of a newer shoal: its schema has the number ");
        await server.StopAsync();
        await FailsAsync(database.ConnectionString, "is away: ");
    }

    [Fact]
    public async Task Many_trackers_that_begin_at_once_make_the_tables_once()
    {
        await using var server = new PostgresServer();
        var database = await server.NewDatabaseAsync();
        var trackers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => PostgresTrackerTests.StartAsync(database))));
        Assert.Equal(["1"], await database.SqlAsync("SELECT number FROM shoal.migration"));
        foreach (var tracker in trackers)
        {
            await tracker.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("Host=db;Database=shoal", true)]
    [InlineData("server = db", true)]
    [InlineData("Username=x;Host=/run/postgresql", true)]
    [InlineData("./a=b", false)]
    [InlineData("a=b", false)]
    [InlineData("/var/lib/host=db", false)]
    [InlineData("catalogue", false)]
    public void A_place_is_a_database_if_it_begins_with_a_setting(string place, bool isDatabase)
    {
        var options = CatalogueOptions.At(place);
        Assert.Equal(isDatabase ? ("", place) : (place, null), (options.Folder, options.Database));
    }

    [Theory]
    [InlineData("Host=db;Password=x;hunter2=3", "setting 3 of the catalogue's connection string is not known, or cannot have this value")]
    [InlineData("Host=db;Port=hunter2", "setting 2 of the catalogue's connection string is not known, or cannot have this value")]
    [InlineData("Password=hunter2", "the catalogue's connection string names no Host")]
    [InlineData("Host=db;hunter2", "the catalogue's connection string is not SETTING=VALUE with ';' between")]
    [InlineData("postgresql://me:hunter2@db/shoal", "a catalogue in PostgreSQL is named by settings, not by a URL: 'Host=…;Database=…'")]
    public void A_connection_string_that_is_wrong_is_told_without_repeating_it(string place, string said) =>
        Assert.Equal(said, Assert.Throws<CatalogueException>(() => CatalogueOptions.At(place)).Message);

    private static async Task PublishAsync(CatalogueServer tracker, int worker, HashSet<string> acknowledged, CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"worker/{worker}/{i}");
            var answer = await tracker.PublishAsync(name, name);
            if (answer.Status == HttpStatusCode.Created)
            {
                lock (acknowledged)
                {
                    acknowledged.Add($"published {name}@{answer.Entry.Version}");
                }
            }
            else
            {
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.Status);
                Assert.DoesNotContain("not known whether", answer.Error, StringComparison.Ordinal);
            }
        }
    }

    private static int CountOf(HashSet<string> acknowledged, int? worker = null)
    {
        lock (acknowledged)
        {
            return acknowledged.Count(name => name.StartsWith($"published worker/{worker}", StringComparison.Ordinal));
        }
    }

    private static async Task FailsAsync(string connection, string said)
    {
        var error = await Assert.ThrowsAsync<TrackerStartException>(() => TrackerServer.StartAsync(new TrackerOptions
        {
            BindAddress = IPAddress.Loopback, Port = 0, UdpThreadCount = 1, Catalogue = new CatalogueOptions { Database = connection },
        }));
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Keeps what it is given, but breaks before it says so, and then some times more.</summary>
    private sealed class BreakingStore(PostgresStore store) : ICatalogueStore
    {
        private bool _isBroken;

        public int FailureCount { get; set; }

        public bool IsShared => true;

        public long Load(Action<CatalogueChange> replay) => store.Load(replay);

        // Nobody tells it of its own changes: they must be looked for.
        public void Watch(Action changed)
        {
        }

        public IReadOnlyList<CatalogueChange> ReadAfter(long sequence) => store.ReadAfter(sequence);

        public ICatalogueWriting Begin(long sequence) => _isBroken && --FailureCount >= 0 ? throw new CatalogueException("it is away") : new BreakingWriting(this, store.Begin(sequence));

        public Task<byte[]?> ReadTorrentAsync(Shoal.Protocol.InfoHash infoHash, CancellationToken cancellationToken) => store.ReadTorrentAsync(infoHash, cancellationToken);

        public void Forget(HashSet<Shoal.Protocol.InfoHash> gone, CatalogueIndex index) => store.Forget(gone, index);

        public void Tidy(CatalogueIndex index, long sequence) => store.Tidy(index, sequence);

        public ValueTask DisposeAsync() => store.DisposeAsync();

        private sealed class BreakingWriting(BreakingStore owner, ICatalogueWriting writing) : ICatalogueWriting
        {
            public IReadOnlyList<CatalogueChange>? News => writing.News;

            public void Put(Shoal.Protocol.InfoHash infoHash, ReadOnlyMemory<byte> torrent) => writing.Put(infoHash, torrent);

            public void Commit(IReadOnlyList<CatalogueChange> changes, IReadOnlySet<Shoal.Protocol.InfoHash> gone)
            {
                writing.Commit(changes, gone);
                owner._isBroken = owner.FailureCount > 0;
                if (owner._isBroken)
                {
                    throw new OutcomeUnknownException("the connection broke");
                }
            }

            public void Dispose() => writing.Dispose();
        }
    }
}
