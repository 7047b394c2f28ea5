using Shoal.Interop.Foreign;

namespace Shoal.Cli.Tests;

/// <summary>A catalogue in PostgreSQL from the command line, in processes of their own, where JSON knows only what its contexts name.</summary>
public class PostgresCommandTests
{
    [Fact]
    public async Task Two_trackers_share_a_catalogue_and_its_tokens()
    {
        Assert.SkipWhen(PostgresProcess.WhyNot is not null, PostgresProcess.WhyNot ?? "");
        await using var server = await PostgresProcess.StartAsync(TestContext.Current.CancellationToken);
        using var place = new Workplace();
        place.Write("a.bin", 70_000);
        var database = server.ConnectionString("postgres");
        Assert.Equal(
            (1, "", $"shoal: there is no catalogue in the database 'postgres' of PostgreSQL at {At(database)}: 'shoal tracker --catalogue' makes one\n"),
            await RunAsync(place, "token", "create", "ci", "--catalogue", database));

        await using var one = CommandProcess.Start(place, [], "tracker", "0", "--catalogue", database, "--bind", "127.0.0.1");
        var first = await AddressOf(one);
        await one.LineAsync(line => line == "Token 'first', all for '**', shown this once:");
        await using var other = CommandProcess.Start(place, [], "tracker", "0", "--catalogue", database, "--bind", "127.0.0.1");
        var second = await AddressOf(other);
        await using var publisher = CommandProcess.Start(place, [], "publish", place.At("a.bin"), "--as", "models/a", "--at", first, "--bind", "127.0.0.1");
        await publisher.LineAsync(line => line.StartsWith("Published models/a, version 1", StringComparison.Ordinal));
        while (await RunAsync(place, "list", "models/*", "--at", second, "--json") is var listed && !listed.Out.Contains("\"models/a\"", StringComparison.Ordinal))
        {
            Assert.Contains("is called like", listed.Error, StringComparison.Ordinal);
        }

        var (exitCode, made, error) = await RunAsync(place, "token", "create", "ci", "--rights", "publish", "--catalogue", database);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("Token 'ci', publish for '**', shown this once:\n  shoal_", made, StringComparison.Ordinal);
        Assert.Matches("^first: all for .*\nci: publish for .*\n$", (await RunAsync(place, "token", "list", "--catalogue", database)).Out);
        Assert.Equal((0, "", ""), await RunAsync(place, "token", "revoke", "ci", "--catalogue", database));
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Username=x;Password=hunter2", 3, "PostgreSQL at 127.0.0.1:1 is away: Connection refused")]
    [InlineData("Host=127.0.0.1;Password=a;hunter2=1", 2, "setting 3 of the catalogue's connection string is not known, or cannot have this value")]
    [InlineData("postgres://me:hunter2@db/shoal", 2, "a catalogue in PostgreSQL is named by settings, not by a URL: 'Host=…;Database=…'")]
    public async Task What_stands_in_the_way_is_one_line_without_the_password(string database, int exitCode, string said)
    {
        var run = await Command.RunAsync("tracker", "0", "--catalogue", database, "--bind", "127.0.0.1");
        Assert.Equal([$"shoal: {said}"], run.Error.Lines);
        Assert.Empty(run.Out.Lines);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Equal([$"shoal: {said}"], (await Command.RunAsync("token", "list", "--catalogue", database)).Error.Lines);
    }

    private static string At(string database) => $"127.0.0.1:{database.Split("Port=")[1].Split(';')[0]}";

    private static async Task<(int ExitCode, string Out, string Error)> RunAsync(Workplace place, params string[] arguments)
    {
        await using var run = CommandProcess.Start(place, [], arguments);
        return await run.EndAsync();
    }

    private static async Task<string> AddressOf(CommandProcess tracker)
    {
        var line = await tracker.LineAsync(line => line.StartsWith("Announce to http://", StringComparison.Ordinal));
        return new Uri(line.Split(' ')[2]).Authority;
    }
}
