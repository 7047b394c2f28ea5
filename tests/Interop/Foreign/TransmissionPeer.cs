using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Shoal.Interop.Foreign;

/// <summary>
/// transmission-daemon under its RPC. It takes loopback addresses that a tracker names for no peers at all,
/// so the other side must connect to it; it does take such connections, and it announces itself.
/// </summary>
internal sealed class TransmissionPeer : IForeignPeer
{
    private const string SessionHeader = "X-Transmission-Session-Id";

    private readonly RpcDaemon _daemon = new("transmission", "/transmission/rpc");
    private string _session = "";
    private int _torrent;

    private TransmissionPeer(bool requireEncryption, LanHost? host)
    {
        var settings = new JsonObject
        {
            ["bind-address-ipv4"] = (host?.IPv4 ?? IPAddress.Loopback).ToString(),
            ["bind-address-ipv6"] = (host?.IPv6 ?? IPAddress.IPv6Loopback).ToString(),
            ["peer-port"] = Port,
            ["rpc-enabled"] = true,
            ["rpc-bind-address"] = "127.0.0.1",
            ["rpc-port"] = _daemon.RpcPort,
            ["rpc-authentication-required"] = false,
            ["rpc-whitelist-enabled"] = false,
            ["rpc-host-whitelist-enabled"] = false,
            ["dht-enabled"] = false,
            ["lpd-enabled"] = host is not null,
            ["pex-enabled"] = host is not null,
            ["utp-enabled"] = false,
            ["port-forwarding-enabled"] = false,
            ["encryption"] = requireEncryption ? 2 : 0,
            ["download-dir"] = _daemon.Folder.Path,
            ["incomplete-dir-enabled"] = false,
            ["preallocation"] = 0,
            ["rename-partial-files"] = false,
            ["ratio-limit-enabled"] = false,
            ["idle-seeding-limit-enabled"] = false,
            ["cache-size-mb"] = 4,
            ["message-level"] = 2,
        };
        File.WriteAllText(_daemon.Folder.File("settings.json"), settings.ToJsonString());
    }

    public string Name => "Transmission";

    public int Port => _daemon.PeerPort;

    public int ProcessId => _daemon.ProcessId;

    /// <summary>Starts it; it prefers to speak in the clear, or speaks to nobody who does.</summary>
    public static async Task<TransmissionPeer> StartAsync(CancellationToken cancellation, bool requireEncryption = false, LanHost? host = null)
    {
        var peer = new TransmissionPeer(requireEncryption, host);
        await peer._daemon.StartAsync(
            "transmission-daemon",
            ["-f", "-g", peer._daemon.Folder.Path],
            limit => peer.CallAsync("session-get", [], limit),
            cancellation);
        return peer;
    }

    /// <summary>Starts it on a host of a network of its own, with all the ways of finding peers there that it has.</summary>
    public static Task<TransmissionPeer> OnAsync(LanHost host, CancellationToken cancellation, bool requireEncryption = false) =>
        host.Thread.RunAsync(() => StartAsync(cancellation, requireEncryption, host));

    public async Task SeedAsync(string torrentFile, string folder, CancellationToken cancellation)
    {
        await AddAsync(torrentFile, folder, cancellation);
        // It looks at the files by itself when a torrent is added; it serves once it has seen them all.
        await this.WaitUntilCompleteAsync(cancellation);
    }

    public Task LeechAsync(TorrentGiven source, string folder, CancellationToken cancellation) =>
        AddAsync(source.File ?? source.Magnet!, folder, cancellation);

    public async Task<TransferCounters> CountersAsync(CancellationToken cancellation)
    {
        var arguments = new JsonObject
        {
            ["ids"] = new JsonArray(_torrent),
            ["fields"] = new JsonArray(
                "uploadedEver", "downloadedEver", "percentDone", "leftUntilDone", "metadataPercentComplete", "error",
                "errorString", "status"),
        };
        var answer = await CallAsync("torrent-get", arguments, cancellation);
        var torrent = answer["torrents"]![0]!;
        const int localError = 3; // what a tracker says (1, 2) is its own affair
        if (torrent["error"]!.GetValue<int>() == localError)
        {
            throw new InvalidOperationException($"Transmission: {torrent["errorString"]}");
        }

        return new(
            torrent["uploadedEver"]!.GetValue<long>(),
            torrent["downloadedEver"]!.GetValue<long>(),
            torrent["metadataPercentComplete"]!.GetValue<double>() >= 1 && torrent["leftUntilDone"]!.GetValue<long>() == 0);
    }

    public string Describe() => _daemon.Describe();

    public ValueTask DisposeAsync() => _daemon.DisposeAsync();

    private async Task AddAsync(string source, string folder, CancellationToken cancellation)
    {
        var arguments = new JsonObject { ["download-dir"] = folder };
        if (File.Exists(source))
        {
            arguments["metainfo"] = Convert.ToBase64String(await File.ReadAllBytesAsync(source, cancellation));
        }
        else
        {
            arguments["filename"] = source;
        }

        var added = await CallAsync("torrent-add", arguments, cancellation);
        var torrent = added["torrent-added"] ?? throw new InvalidOperationException($"Transmission: {added.ToJsonString()}");
        _torrent = torrent["id"]!.GetValue<int>();
    }

    private async Task<JsonNode> CallAsync(string method, JsonObject arguments, CancellationToken cancellation)
    {
        var body = new JsonObject { ["method"] = method, ["arguments"] = arguments }.ToJsonString();
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _daemon.Rpc) { Content = new StringContent(body) };
            request.Headers.TryAddWithoutValidation(SessionHeader, _session);
            using var answer = await _daemon.Http.SendAsync(request, cancellation);
            if (answer.StatusCode == HttpStatusCode.Conflict)
            {
                _session = answer.Headers.GetValues(SessionHeader).Single();
                continue;
            }

            answer.EnsureSuccessStatusCode();
            var reply = (await answer.Content.ReadFromJsonAsync<JsonNode>(cancellation))!;
            return reply["result"]!.GetValue<string>() == "success"
                ? reply["arguments"]!
                : throw new InvalidOperationException($"Transmission {method}: {reply["result"]}");
        }
    }
}
