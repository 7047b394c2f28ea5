using System.Net;
using System.Text.Json;
using Shoal.Protocol;
using Shoal.Sockets.Dht;

namespace Shoal.Cli.Tests;

/// <summary>`shoal dht`: nodes on loopback that know nobody but each other.</summary>
public sealed class DhtCommandTests
{
    private const string Hash = "6161616161616161616161616161616161616161";

    [Fact]
    public async Task A_node_shows_how_it_stands_and_knows_the_others_again_when_it_comes_back()
    {
        using var place = new Workplace();
        await using var other = Node(place, "other");
        var bootstrap = $"127.0.0.1:{await PortOfAsync(other)}";
        JsonElement stood;
        await using (var node = Node(place, "mine", "--dht-bootstrap", bootstrap))
        {
            stood = await StatusAsync(node, nodes: 1);
            var ended = await node.StopAsync();
            Assert.Equal((0, ""), (ended.ExitCode, ended.Error.ToString()));
            Assert.All(ended.Out.Lines, line => JsonDocument.Parse(line).Dispose());
        }

        Assert.Equal("ipv4", stood.GetProperty("family").GetString());
        await using var again = Node(place, "mine", "--no-bootstrap");
        var stands = await StatusAsync(again, nodes: 1);
        Assert.Equal(stood.GetProperty("id").GetString(), stands.GetProperty("id").GetString());
    }

    [Fact]
    public async Task For_people_it_is_a_line_and_the_port_is_not_shared()
    {
        using var place = new Workplace();
        await using var node = Command.Start("dht", "--no-bootstrap", "--bind", "127.0.0.1", "--state", place.At("dht"));
        var listening = await node.LineAsync(text => text.StartsWith("Listening on 127.0.0.1:", StringComparison.Ordinal));
        Assert.EndsWith(" (DHT node)", listening, StringComparison.Ordinal);
        Assert.Matches("^IPv4: 0 nodes in 1 bucket, 0 torrents with 0 peers, .* id [0-9a-f]{40}$", await node.LineAsync(text => text.StartsWith("IPv4: ", StringComparison.Ordinal)));

        var port = listening.Split(':', ' ')[3];
        var second = await Command.RunAsync("dht", "--no-bootstrap", "--bind", "127.0.0.1", "--port", port);
        Assert.Equal((3, $"shoal: UDP port {port} is in use\n"), (second.ExitCode, second.Error.ToString()));
        var ended = await node.StopAsync();
        Assert.Equal((0, ""), (ended.ExitCode, ended.Error.ToString()));
    }

    [Fact]
    public async Task Who_has_a_torrent_is_asked_once()
    {
        using var place = new Workplace();
        await using var node = Node(place, "node");
        var port = await PortOfAsync(node);
        Assert.True(InfoHash.TryParse(Hash, out var torrent));
        await using var peer = new DhtClient(new DhtClientOptions { BindAddress = IPAddress.Loopback, Bootstrap = [new DnsEndPoint("127.0.0.1", port)] });
        peer.Search(torrent, announcePort: 4321, _ => { });
        await node.LineAsync(text => text.Contains("\"peers\":1", StringComparison.Ordinal));

        string[] asking = ["--bind", "127.0.0.1", "--dht-bootstrap", $"127.0.0.1:{port}"];
        var told = Command.RunAsync(["dht", "get-peers", Hash, .. asking]);
        var events = Command.RunAsync(["dht", "get-peers", $"magnet:?xt=urn:btih:{Hash}", "--json", .. asking]);
        var none = Command.RunAsync(["dht", "get-peers", Hash.Replace('1', '2'), .. asking]);
        Assert.Equal((0, ""), ((await told).ExitCode, (await told).Error.ToString()));
        Assert.Equal("127.0.0.1:4321", (await told).Out.Lines[0]);
        Assert.Matches("^IPv4: 1 peer, (1 hop|2 hops), 2 of 2 nodes answered, ", (await told).Out.Lines[1]);

        var lines = (await events).Out.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(["dht-peer", "dht-lookup"], lines.Select(line => line.GetProperty("event").GetString()));
        Assert.Equal((Hash, "127.0.0.1:4321"), (lines[0].GetProperty("infoHash").GetString(), lines[0].GetProperty("address").GetString()));
        Assert.Equal(1, lines[1].GetProperty("peers").GetInt32());

        Assert.Equal((1, $"shoal: the DHT knows no peers of {Hash.Replace('1', '2')}\n"), ((await none).ExitCode, (await none).Error.ToString()));
    }

    private static RunningCommand Node(Workplace place, string state, params string[] more) =>
        Command.Start(["dht", "--bind", "127.0.0.1", "--state", place.At(state), "--json", .. more.Length > 0 ? more : ["--no-bootstrap"]]);

    private static async Task<int> PortOfAsync(RunningCommand node)
    {
        using var listening = JsonDocument.Parse(await node.LineAsync(text => text.StartsWith("{\"event\":\"listening\"", StringComparison.Ordinal)));
        return listening.RootElement.GetProperty("port").GetInt32();
    }

    private static async Task<JsonElement> StatusAsync(RunningCommand node, int nodes)
    {
        var line = await node.LineAsync(text => text.StartsWith("{\"event\":\"dht\"", StringComparison.Ordinal) && text.Contains($"\"nodes\":{nodes},", StringComparison.Ordinal));
        return JsonDocument.Parse(line).RootElement;
    }
}
