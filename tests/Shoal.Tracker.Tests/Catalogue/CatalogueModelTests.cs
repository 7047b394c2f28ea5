using FsCheck;
using FsCheck.Fluent;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>The catalogue beside the plainest one imaginable, over random changes, restarts and rewrites.</summary>
public sealed class CatalogueModelTests(PostgresServer server) : IClassFixture<PostgresServer>
{
    private static readonly string[] Names = ["a", "a/b", "ä", "z@x"];

    /// <summary>What is done to a name: below 6 a content is published, then a version or all is removed, or it is opened again.</summary>
    public sealed record Step(int Name, int Action, int Version);

    private sealed class Model
    {
        public Dictionary<string, SortedDictionary<int, int>> Versions { get; } = Names.ToDictionary(name => name, _ => new SortedDictionary<int, int>());

        public Dictionary<string, int> LastVersion { get; } = Names.ToDictionary(name => name, _ => 0);

        public long Sequence { get; set; }
    }

    private static Gen<Step[]> Steps => Gen.ArrayOf(
        from name in Gen.Choose(0, Names.Length - 1)
        from action in Gen.Choose(0, 9)
        from version in Gen.Choose(1, 8)
        select new Step(name, action, version), 40);

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1)]
    [InlineData(7)]
    public void It_is_as_a_dictionary_would_be(int wasteWorthRewriting) =>
        Prop.ForAll(Arb.From(Steps), steps => AgreeAsync(new CatalogueFolder(wasteWorthRewriting), steps).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(25));

    [Fact]
    public void So_it_is_in_PostgreSQL() => Prop.ForAll(
        Arb.From(Steps), steps => AgreeAsync(new CatalogueFolder(database: server.NewDatabaseAsync().GetAwaiter().GetResult()), steps).GetAwaiter().GetResult())
        .Check(Config.QuickThrowOnFailure.WithMaxTest(3));

    private static async Task<bool> AgreeAsync(CatalogueFolder opened, Step[] steps)
    {
        await using var folder = opened;
        var model = new Model();
        foreach (var step in steps)
        {
            await DoAsync(folder, model, step);
            await AssertSameAsync(folder, model);
        }

        await folder.ReopenAsync();
        await AssertSameAsync(folder, model);
        return true;
    }

    private static async Task DoAsync(CatalogueFolder folder, Model model, Step step)
    {
        var name = Names[step.Name];
        var versions = model.Versions[name];
        switch (step.Action)
        {
            case < 6:
                var (entry, isNew) = await folder.PublishAsync(name, $"content {step.Action}");
                var isSame = versions.Count > 0 && versions.Last().Value == step.Action;
                Assert.Equal(!isSame, isNew);
                if (!isSame)
                {
                    versions[++model.LastVersion[name]] = step.Action;
                    Assert.Equal(++model.Sequence, entry.Sequence);
                }

                Assert.Equal(versions.Last().Key, entry.Version);
                break;
            case < 8:
                var removal = await folder.RemoveAsync($"{name}@{step.Version}");
                Assert.Equal(versions.Remove(step.Version) ? ++model.Sequence : null, removal?.Sequence);
                break;
            case 8:
                removal = await folder.RemoveAsync(name);
                Assert.Equal(versions.Count > 0 ? ++model.Sequence : null, removal?.Sequence);
                Assert.Equal(removal is null ? null : model.LastVersion[name], removal?.LastVersion);
                versions.Clear();
                break;
            default:
                await folder.ReopenAsync();
                break;
        }
    }

    private static async Task AssertSameAsync(CatalogueFolder folder, Model model)
    {
        Assert.Equal(model.Sequence, folder.Catalogue.Feed.LastSequence);
        Assert.Equal(model.Versions.Count(name => name.Value.Count > 0), folder.Catalogue.Count);
        foreach (var (name, versions) in model.Versions)
        {
            var found = folder.Catalogue.VersionsOf(Samples.Name(name));
            Assert.Equal(
                versions.Select(version => (version.Key, Samples.InfoHashOfTorrent($"content {version.Value}"))),
                found.Select(entry => (entry.Version, entry.InfoHash)));
        }

        // A removal is acknowledged a moment before its files go; what is asked for next comes behind that.
        await folder.RemoveAsync("nothing");
        Assert.Equal(
            model.Versions.Values.SelectMany(versions => versions.Values).Distinct().Select(content => $"{Samples.InfoHashOfTorrent($"content {content}")}.torrent").Order(StringComparer.Ordinal),
            folder.TorrentFiles().Order(StringComparer.Ordinal));
    }
}
