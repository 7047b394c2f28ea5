using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Architecture;

/// <summary>
/// Every decision is written once, in the engine: the cluster world carries out which piece is asked of whom, and whom a
/// tracker names, and never chooses. Read from what the compiler made.
/// </summary>
public class DecisionTests
{
    // What one would choose with: the engine's choosers, its tracker's tables, and chance.
    private static readonly string[] Choosers =
    [
        "Shoal.Engine.Picking.", "Shoal.Engine.Choking.", "Shoal.Engine.Trackers.", "Shoal.Engine.Prng", "System.Random",
    ];

    [Fact]
    public void The_cluster_world_chooses_neither_piece_nor_holder() => Assert.Empty(Uses(Assembly.Load("Shoal.Mpi")));

    [Fact]
    public void Only_the_engine_orders_holders_and_names_pieces()
    {
        // An order of holders is an input of the engine's job peer to the engine's swarm; a request names the piece that the
        // engine named, and the only code that makes a piece out of a number reads it off a message.
        var folder = Path.Combine(Repository.Source, "Shoal.Mpi");
        var sources = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith("ControlRecord.cs", StringComparison.Ordinal))
            .Select(file => (Name: Path.GetRelativePath(folder, file), Text: File.ReadAllText(file))).ToArray();
        Assert.NotEmpty(sources);
        Assert.All(sources, source => Assert.DoesNotContain("HoldersOrdered", source.Text));
        Assert.All(
            sources.Where(source => source.Name.StartsWith("Jobs", StringComparison.Ordinal) || source.Name.StartsWith("Links", StringComparison.Ordinal)),
            source => Assert.DoesNotContain("new PieceIndex(", source.Text));
    }

    [Fact]
    public void A_chooser_is_seen() => Assert.Contains("Architecture uses System.Random", Uses(typeof(Intruder).Assembly));

    private static IEnumerable<string> Uses(Assembly assembly)
    {
        using var stream = File.OpenRead(assembly.Location);
        using var image = new PEReader(stream);
        var metadata = image.GetMetadataReader();
        return [.. metadata.TypeReferences
            .Select(metadata.GetTypeReference)
            .Select(type => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}")
            .Where(name => Choosers.Any(chooser => name == chooser || (chooser.EndsWith('.') && name.StartsWith(chooser, StringComparison.Ordinal))))
            .Select(name => $"{assembly.GetName().Name} uses {name}")];
    }
}
