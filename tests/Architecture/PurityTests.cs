using System.Diagnostics;
using System.Reflection;

namespace Architecture;

/// <summary>Protocol and Engine are state machines over values: no socket, file, clock, task, thread, or chance of the system's.</summary>
public class PurityTests
{
    [Theory]
    [InlineData("Shoal.Protocol")]
    [InlineData("Shoal.Engine")]
    public void A_pure_project_touches_nothing_outside(string assembly) =>
        Assert.Empty(Purity.BreachesOf(Assembly.Load(assembly)));

    [Theory]
    [InlineData("Architecture uses System.Net.Sockets.Socket")]
    [InlineData("Architecture uses System.Threading.Monitor")]
    [InlineData("Architecture uses System.Threading.Tasks.Task")]
    [InlineData("Architecture uses System.DateTime.get_UtcNow")]
    [InlineData("Architecture uses System.IO.File")]
    [InlineData("Architecture uses System.Random")]
    [InlineData("field Architecture.Intruder._socket is a System.Net.Sockets.Socket")]
    [InlineData("field Architecture.Intruder.Counter is static and can change")]
    [InlineData("field Architecture.Intruder.Cache is static and can change")]
    [InlineData("parameter endpoint of Architecture.Intruder.Connect is a System.Net.IPEndPoint")]
    [InlineData("parameter time of Architecture.Intruder.Wait is a System.TimeProvider")]
    [InlineData("Architecture.Intruder: <Wait>d__6 is the state machine of an async method")]
    public void An_intruder_is_seen(string breach) =>
        Assert.Contains(breach, Purity.BreachesOf(typeof(Intruder).Assembly));

    [Fact]
    public void An_intruder_is_seen_inside_of_another_type() =>
        Assert.Contains(
            Purity.BreachesOf(typeof(Intruder).Assembly),
            breach => breach.StartsWith("field Architecture.Intruder._tasks is a ", StringComparison.Ordinal));

    [Theory]
    [InlineData("Shoal.Protocol")]
    [InlineData("Shoal.Engine")]
    public void The_compiler_refuses_a_socket_a_clock_and_a_task(string project)
    {
        // The project's own settings around a file that breaks them: if somebody loosens them, this compiles.
        var folder = Directory.CreateTempSubdirectory("shoal-wall-").FullName;
        try
        {
            var inner = Directory.CreateDirectory(Path.Combine(folder, "src", "Intruder")).FullName;
            foreach (var file in (string[])["Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig",
                "src/Directory.Build.props", "src/BannedSymbols.txt"])
            {
                File.Copy(Path.Combine(Repository.Root, file), Path.Combine(folder, file));
            }

            var settings = File.ReadAllText(Path.Combine(Repository.Source, project, project + ".csproj"));
            File.WriteAllText(
                Path.Combine(inner, "Intruder.csproj"),
                settings.Replace("../Shoal.", Repository.Source + "/Shoal.", StringComparison.Ordinal)
                    .Replace("</Project>", "<ItemGroup><ProjectReference Remove=\"@(ProjectReference)\" /></ItemGroup></Project>", StringComparison.Ordinal));
            File.WriteAllText(
                Path.Combine(inner, "Intruder.cs"),
                """
                namespace Intruder;

                internal static class Walls
                {
                    public static object Socket() => new System.Net.Sockets.Socket(default, default);
                    public static object Clock() => System.DateTime.UtcNow;
                    public static object Later() => System.Threading.Tasks.Task.CompletedTask;
                }
                """);
            var said = Build(inner);
            Assert.Contains("Intruder.cs(5,", said, StringComparison.Ordinal);
            Assert.Contains("Intruder.cs(6,", said, StringComparison.Ordinal);
            Assert.Contains("Intruder.cs(7,", said, StringComparison.Ordinal);
            Assert.Contains("error RS0030", said, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Build(string folder)
    {
        var start = new ProcessStartInfo("dotnet", ["build", folder, "-nologo", "-v", "quiet", "-nodeReuse:false", "--tl:off"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.NotEqual(0, process.ExitCode);
        return said;
    }
}
