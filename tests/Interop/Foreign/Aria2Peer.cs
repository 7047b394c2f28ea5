using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Shoal.Interop.Foreign;

/// <summary>
/// aria2 under JSON-RPC. It cannot be told a peer's address, and it reads no <c>x.pe</c> of a magnet link: it finds peers
/// through trackers, or they connect to it, which it allows before it has the metadata, too. The socket through which it
/// asks UDP trackers is its DHT's, so it asks them only where the DHT is on, and that is where it can reach nobody.
/// </summary>
internal sealed class Aria2Peer : IForeignPeer
{
    private readonly RpcDaemon _daemon = new("aria2", "/jsonrpc");
    private string _gid = "";

    private Aria2Peer()
    {
    }

    public string Name => "aria2";

    public int Port => _daemon.PeerPort;

    public int ProcessId => _daemon.ProcessId;

    /// <summary>Whether it asks UDP trackers when started here.</summary>
    public static bool AsksUdpTrackers => NetworkThread.IsHere;

    public static async Task<Aria2Peer> StartAsync(CancellationToken cancellation, params string[] moreOptions)
    {
        var peer = new Aria2Peer();
        var daemon = peer._daemon;
        string[] dht = AsksUdpTrackers
            ? ["--enable-dht=true", $"--dht-listen-port={FreePort.Next()}", $"--dht-file-path={daemon.Folder.File("dht.dat")}"]
            : ["--enable-dht=false"];
        string[] arguments =
        [
            "--no-conf", "--enable-rpc", "--rpc-listen-all=false", $"--rpc-listen-port={daemon.RpcPort}",
            "--interface=127.0.0.1", $"--listen-port={peer.Port}",
            .. dht, "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
            "--seed-ratio=0", "--file-allocation=none", "--bt-save-metadata=false", "--summary-interval=0",
            "--console-log-level=notice", "--enable-color=false", "--show-console-readout=false", "--rpc-max-request-size=64M",
            "--auto-save-interval=0", "--max-concurrent-downloads=16", $"--dir={daemon.Folder.Path}",
        ];
        await daemon.StartAsync(
            "aria2c", [.. arguments, .. moreOptions], limit => peer.CallAsync("aria2.getVersion", [], limit), cancellation);
        return peer;
    }

    /// <summary>Starts it on a host of a network of its own, with local discovery and peer exchange.</summary>
    public static Task<Aria2Peer> OnAsync(LanHost host, CancellationToken cancellation, params string[] moreOptions) => host.Thread.RunAsync(() => StartAsync(
        cancellation,
        [$"--interface={host.IPv4}", "--bt-enable-lpd=true", $"--bt-lpd-interface={host.IPv4}", "--enable-peer-exchange=true", .. moreOptions]));

    public Task SeedAsync(string torrentFile, string folder, CancellationToken cancellation) =>
        AddTorrentAsync(torrentFile, folder, ("bt-seed-unverified", "true"), cancellation);

    public Task LeechAsync(TorrentGiven source, string folder, CancellationToken cancellation) =>
        source.File is { } file
            ? AddTorrentAsync(file, folder, ("allow-overwrite", "true"), cancellation)
            : AddMagnetAsync(source.Magnet!, folder, cancellation);

    public async Task<TransferCounters> CountersAsync(CancellationToken cancellation)
    {
        var status = await StatusAsync(cancellation);
        // A magnet's metadata is a download of its own; the payload's download is named as its follower.
        if (status["followedBy"] is JsonArray { Count: > 0 } next)
        {
            _gid = next[0]!.GetValue<string>();
            status = await StatusAsync(cancellation);
        }

        if (status["errorMessage"]?.GetValue<string>() is { Length: > 0 } trouble
            && status["errorCode"]?.GetValue<string>() is not ("0" or null))
        {
            throw new InvalidOperationException($"aria2: {trouble}");
        }

        var total = Number(status, "totalLength");
        var done = Number(status, "completedLength");
        var isPayload = status["bittorrent"]?["info"] is not null;
        return new(Number(status, "uploadLength"), done, isPayload && done == total);
    }

    public string Describe() => _daemon.Describe();

    public ValueTask DisposeAsync() => _daemon.DisposeAsync();

    private static long Number(JsonNode status, string name) =>
        long.Parse(status[name]?.GetValue<string>() ?? "0");

    private async Task AddTorrentAsync(
        string torrentFile, string folder, (string Name, string Value) option, CancellationToken cancellation)
    {
        var torrent = Convert.ToBase64String(await File.ReadAllBytesAsync(torrentFile, cancellation));
        var options = new JsonObject { ["dir"] = folder, [option.Name] = option.Value };
        _gid = (await CallAsync("aria2.addTorrent", [torrent, new JsonArray(), options], cancellation)).GetValue<string>();
    }

    private async Task AddMagnetAsync(string magnet, string folder, CancellationToken cancellation)
    {
        var options = new JsonObject { ["dir"] = folder };
        _gid = (await CallAsync("aria2.addUri", [new JsonArray(magnet), options], cancellation)).GetValue<string>();
    }

    private Task<JsonNode> StatusAsync(CancellationToken cancellation) => CallAsync("aria2.tellStatus", [_gid], cancellation);

    private async Task<JsonNode> CallAsync(string method, JsonArray parameters, CancellationToken cancellation)
    {
        var request = new JsonObject
        {
            ["jsonrpc"] = "2.0", ["id"] = "1", ["method"] = method, ["params"] = parameters,
        };
        // aria2 wants a Content-Length; a chunked body is a parse error to it.
        using var body = new StringContent(request.ToJsonString());
        using var answer = await _daemon.Http.PostAsync(_daemon.Rpc, body, cancellation);
        var reply = (await answer.Content.ReadFromJsonAsync<JsonNode>(cancellation))!;
        return reply["result"] ?? throw new InvalidOperationException($"aria2 {method}: {reply["error"]?.ToJsonString()}");
    }
}
