using System.Reflection;
using System.Xml.Linq;

namespace Architecture;

/// <summary>The plan of the house: who may refer to whom, and how large a file may grow.</summary>
public class HouseTests
{
    private const int MaximumLineCount = 400;

    // A project refers only to what stands above it; "refers to" is transitive.
    private static readonly Dictionary<string, string[]> Plan = new(StringComparer.Ordinal)
    {
        ["Shoal.Protocol"] = [],
        ["Shoal.Engine"] = ["Shoal.Protocol"],
        ["Shoal.Runtime"] = ["Shoal.Engine"],
        ["Shoal.Simulation"] = ["Shoal.Engine"],
        ["Shoal.Sockets"] = ["Shoal.Runtime"],
        ["Shoal.Mpi"] = ["Shoal.Runtime"],
        ["Shoal"] = ["Shoal.Sockets"],
        ["Shoal.Tracker"] = ["Shoal.Sockets"],
        ["Shoal.Daemon"] = ["Shoal"],
        ["Shoal.Cli"] = ["Shoal", "Shoal.Tracker", "Shoal.Daemon", "Shoal.Mpi", "Shoal.Simulation"],
    };

    public static TheoryData<string> Projects =>
        [.. Directory.GetDirectories(Repository.Source).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_what_stands_above_it(string project)
    {
        Assert.True(Plan.ContainsKey(project), $"{project} has no place in the plan of the house");
        var file = XDocument.Load(Path.Combine(Repository.Source, project, project + ".csproj"));
        var references = file.Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
        Assert.Empty(references.Except(AllowedFor(project), StringComparer.Ordinal));

        var compiled = Assembly.Load(project).GetReferencedAssemblies().Select(name => name.Name!)
            .Where(name => name == "Shoal" || name.StartsWith("Shoal.", StringComparison.Ordinal));
        Assert.Empty(compiled.Except(AllowedFor(project), StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("Shoal.Protocol")]
    [InlineData("Shoal.Engine")]
    public void A_pure_project_needs_no_package_but_its_analyzer(string project)
    {
        var file = XDocument.Load(Path.Combine(Repository.Source, project, project + ".csproj"));
        var package = Assert.Single(file.Descendants("PackageReference"));
        Assert.Equal("Microsoft.CodeAnalysis.BannedApiAnalyzers", package.Attribute("Include")!.Value);
        Assert.Equal("../BannedSymbols.txt", Assert.Single(file.Descendants("AdditionalFiles")).Attribute("Include")!.Value);
        Assert.Empty(file.Descendants("NoWarn"));
    }

    [Fact]
    public void No_source_suppresses_the_ban()
    {
        var suppressing = SourceFiles().Where(file => File.ReadAllText(file).Contains("RS0030", StringComparison.Ordinal));
        Assert.Empty(suppressing.Select(Relative));
        Assert.DoesNotContain("RS0030", File.ReadAllText(Path.Combine(Repository.Root, ".editorconfig")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_one_idea_and_at_most_400_lines()
    {
        var long_ = AllFiles("*.cs").Select(file => (File: Relative(file), Lines: File.ReadLines(file).Count()))
            .Where(file => file.Lines > MaximumLineCount);
        Assert.Empty(long_.Select(file => $"{file.File} has {file.Lines} lines"));
    }

    // One that is missing is built only where another refers to it, and then not in the configuration that was asked for.
    [Fact]
    public void The_solution_has_every_project()
    {
        var listed = XDocument.Load(Path.Combine(Repository.Root, "Shoal.slnx")).Descendants("Project")
            .Select(project => project.Attribute("Path")!.Value);
        Assert.Equal(AllFiles("*.csproj").Select(Relative).Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_files_namespace_is_its_folder()
    {
        foreach (var file in SourceFiles())
        {
            var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith("namespace ", StringComparison.Ordinal));
            var folder = Path.GetDirectoryName(Relative(file))!["src/".Length..].Replace('/', '.');
            Assert.True(line is null || line == $"namespace {folder};", $"{Relative(file)} says \"{line}\"");
        }
    }

    private static IEnumerable<string> AllowedFor(string project) =>
        Plan[project].Concat(Plan[project].SelectMany(AllowedFor)).Distinct(StringComparer.Ordinal);

    // Tests and benchmarks are read as much as what they look at.
    private static IEnumerable<string> AllFiles(string pattern) =>
        new[] { "src", "tests", "bench", "examples" }
            .Select(folder => Path.Combine(Repository.Root, folder))
            .SelectMany(folder => Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories));

    private static IEnumerable<string> SourceFiles() =>
        Directory.EnumerateFiles(Repository.Source, "*.cs", SearchOption.AllDirectories);

    private static string Relative(string file) => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/');
}
