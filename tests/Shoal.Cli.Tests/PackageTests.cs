using System.IO.Compression;
using System.Xml.Linq;

namespace Shoal.Cli.Tests;

/// <summary>The library is a NuGet package, the command a dotnet tool.</summary>
public class PackageTests
{
    [Theory]
    [InlineData("Shoal", "Shoal.", "lib/net10.0/Shoal.dll")]
    [InlineData("Shoal.Cli", "Shoal.Tool.", "tools/net10.0/any/Shoal.Cli.dll")]
    public async Task It_packs_with_all_it_needs(string project, string package, string holds)
    {
        using var place = new Workplace();
        // Of what has been built with the tests, so that nothing is built again.
        var (exitCode, said, _) = await Repository.RunAsync(
            Repository.Root, "dotnet", "pack", Path.Combine("src", project), "-c", "Release", "-o", place.At("packages"),
            "-nologo", "-v", "quiet", "-nodeReuse:false", "--tl:off");
        Assert.True(exitCode == 0, said);
        var file = Assert.Single(Directory.GetFiles(place.At("packages"), $"{package}*.nupkg"));
        using var archive = await ZipFile.OpenReadAsync(file);
        var entries = archive.Entries.Select(entry => entry.FullName).ToArray();
        Assert.Contains(holds, entries);
        if (project == "Shoal")
        {
            using var description = new StreamReader(archive.GetEntry("Shoal.nuspec")!.Open());
            var dependency = Assert.Single(XDocument.Load(description).Descendants(), element => element.Name.LocalName == "dependency");
            Assert.Equal("Microsoft.Extensions.Logging.Abstractions", dependency.Attribute("id")!.Value);
        }

        foreach (var part in (string[])["Shoal.Protocol.dll", "Shoal.Engine.dll", "Shoal.Runtime.dll", "Shoal.Sockets.dll"])
        {
            // All in one package: those parts are no packages of their own.
            Assert.Contains(Path.Combine(Path.GetDirectoryName(holds)!, part), entries);
        }
    }
}
