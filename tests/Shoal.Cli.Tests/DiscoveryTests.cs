using System.Text.Json;
using Shoal.Cli.Commands;
using Shoal.Discovery;

namespace Shoal.Cli.Tests;

/// <summary>Who may learn of a torrent, as the environment, the options and the torrent itself say. Here the environment says off.</summary>
public sealed class DiscoveryTests
{
    private const string Hash = "6161616161616161616161616161616161616161";

    [Theory]
    [InlineData("get x")]
    [InlineData("get x --no-discovery")]
    [InlineData("share x --dht-bootstrap 127.0.0.1:6881")]
    [InlineData("seed x y")]
    public void Where_the_environment_says_off_nothing_is_looked_for(string commandLine)
    {
        var discovery = OptionsOf(commandLine).Discovery!;
        Assert.Equal((false, false, false), (discovery.LooksAround, discovery.UsesDht, discovery.MapsPort));
    }

    [Theory]
    [InlineData("get x --public")]
    [InlineData("share x --public")]
    [InlineData("seed x y --public")]
    public void No_option_wins_against_it(string commandLine)
    {
        var error = Assert.Throws<UserErrorException>(() => OptionsOf(commandLine));
        Assert.Equal(("--public and SHOAL_DISCOVERY=off exclude each other", ExitCode.BadInput), (error.Message, error.ExitCode));
    }

    [Theory]
    [InlineData("dht")]
    [InlineData("dht --no-bootstrap --bind 192.0.2.1")]
    [InlineData("dht get-peers " + Hash)]
    [InlineData("dht get-peers " + Hash + " --dht-bootstrap 127.0.0.1:6881")]
    public async Task A_node_of_the_DHT_then_keeps_to_this_machine(string commandLine)
    {
        var run = await Command.RunAsync(commandLine.Split(' '));
        Assert.Equal(["shoal: SHOAL_DISCOVERY=off leaves no DHT but on this machine (--bind 127.0.0.1)"], run.Error.Lines);
        Assert.Equal((ExitCode.BadInput, ""), (run.ExitCode, run.Out.ToString()));
    }

    [Theory]
    [InlineData("get " + Hash)]
    [InlineData("get " + Hash + " --public")]
    [InlineData("get " + Hash + " --no-discovery")]
    [InlineData("dht --no-bootstrap --bind 127.0.0.1")]
    public async Task What_it_cannot_mean_is_an_error(string commandLine)
    {
        using var place = new Workplace();
        await using var command = CommandProcess.Start(place, [("SHOAL_DISCOVERY", "of")], commandLine.Split(' '));
        var (exitCode, said, complained) = await command.EndAsync();
        Assert.Equal((2, "", "shoal: SHOAL_DISCOVERY is 'of'; it can be 'on' or 'off'\n"), (exitCode, said, complained));
    }

    [Fact]
    public async Task A_share_that_is_not_public_leaves_no_torrent_that_is()
    {
        using var place = new Workplace();
        var path = place.Write($"t{Guid.NewGuid():N}", 100_000);
        await using var share = Command.Start("share", path, "--bind", "127.0.0.1", "--json");
        using var made = JsonDocument.Parse(await share.LineAsync(text => text.StartsWith("{\"event\":\"torrent\"", StringComparison.Ordinal)));
        Assert.EndsWith("&x.dht=off", made.RootElement.GetProperty("magnet").GetString(), StringComparison.Ordinal);
        Assert.EndsWith("&x.dht=off", await MagnetOfAsync(made.RootElement.GetProperty("torrent").GetString()!), StringComparison.Ordinal);
    }

    private static ShoalOptions OptionsOf(string commandLine)
    {
        var args = commandLine.Split(' ');
        var command = args[0] switch { "share" => ShareCommand.Create(), "seed" => SeedCommand.Create(), _ => GetCommand.Create() };
        return Transfer.OptionsOf(command.Parse(args[1..]), TimeSpan.Zero);
    }

    private static async Task<string> MagnetOfAsync(string torrent) => Assert.Single((await Command.RunAsync("magnet", torrent)).Out.Lines);
}
