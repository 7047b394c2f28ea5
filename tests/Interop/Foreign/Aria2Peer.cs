using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Shoal.Interop.Foreign;

/// <summary>
/// aria2 under JSON-RPC. It cannot be told a peer's address: it finds peers through trackers, or they connect to it.
/// It asks UDP trackers only with its DHT on, so here it is given HTTP ones.
/// </summary>
internal sealed class Aria2Peer : IForeignPeer
{
    private readonly HttpClient _http = new();
    private readonly ScratchFolder _folder = new();
    private readonly Uri _rpc;
    private readonly ChildProcess _process;
    private string _gid = "";

    private Aria2Peer(int port, int rpcPort, IEnumerable<string> more)
    {
        Port = port;
        _rpc = new Uri($"http://127.0.0.1:{rpcPort}/jsonrpc");
        string[] arguments =
        [
            "--no-conf", "--enable-rpc", "--rpc-listen-all=false", $"--rpc-listen-port={rpcPort}",
            "--interface=127.0.0.1", $"--listen-port={port}",
            "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
            "--seed-ratio=0", "--file-allocation=none", "--bt-save-metadata=false", "--summary-interval=0",
            "--console-log-level=notice", "--enable-color=false", "--show-console-readout=false", "--rpc-max-request-size=64M",
            "--auto-save-interval=0", "--max-concurrent-downloads=16", $"--dir={_folder.Path}",
        ];
        _process = ChildProcess.Start("aria2", "aria2c", [.. arguments, .. more], _folder.Path);
    }

    public string Name => "aria2";

    public int Port { get; }

    public bool CanConnect => false;

    public int ProcessId => _process.Id;

    public static async Task<Aria2Peer> StartAsync(CancellationToken cancellation, params string[] moreOptions)
    {
        var peer = new Aria2Peer(FreePort.Next(), FreePort.Next(), moreOptions);
        try
        {
            await peer._process.UntilReadyAsync(peer.IsAnsweringAsync, cancellation);
            return peer;
        }
        catch
        {
            await peer.DisposeAsync();
            throw;
        }
    }

    public Task SeedAsync(string torrentFile, string folder, CancellationToken cancellation) =>
        AddTorrentAsync(torrentFile, folder, ("bt-seed-unverified", "true"), cancellation);

    public Task LeechAsync(TorrentGiven source, string folder, CancellationToken cancellation) =>
        source.File is { } file
            ? AddTorrentAsync(file, folder, ("allow-overwrite", "true"), cancellation)
            : AddMagnetAsync(source.Magnet!, folder, cancellation);

    public Task ConnectAsync(int port, CancellationToken cancellation) =>
        throw new NotSupportedException("aria2 cannot be told a peer's address");

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

    public string Describe() => _process.Describe();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _http.Dispose();
        _folder.Dispose();
    }

    private async Task<bool> IsAnsweringAsync(CancellationToken cancellation)
    {
        try
        {
            await CallAsync("aria2.getVersion", [], cancellation);
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

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
        using var answer = await _http.PostAsync(_rpc, body, cancellation);
        var reply = (await answer.Content.ReadFromJsonAsync<JsonNode>(cancellation))!;
        return reply["result"] ?? throw new InvalidOperationException($"aria2 {method}: {reply["error"]?.ToJsonString()}");
    }
}
