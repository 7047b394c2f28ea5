using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Shoal.Interop.Foreign;

/// <summary>libtorrent 2.0 under Debian's python3, driven by JSON lines through <c>libtorrent_peer.py</c>.</summary>
internal sealed class LibtorrentPeer : IForeignPeer
{
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonObject>> _replies = new();
    private readonly TaskCompletionSource<int> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<long> _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ChildProcess? _process;
    private int _lastId;

    private LibtorrentPeer()
    {
    }

    public string Name => "libtorrent";

    public int Port { get; private set; }

    public bool CanConnect => true;

    public int ProcessId => Process.Id;

    /// <summary>Completes with the time (a stopwatch's) at which libtorrent said that it has everything.</summary>
    public Task<long> Finished => _finished.Task;

    private ChildProcess Process => _process ?? throw new InvalidOperationException("not started");

    /// <summary>Starts a session; the profile <c>high_performance_seed</c> is libtorrent's fastest.</summary>
    public static async Task<LibtorrentPeer> StartAsync(
        CancellationToken cancellation, bool highPerformance = false, JsonObject? settings = null, JsonArray? finds = null)
    {
        var peer = new LibtorrentPeer();
        var options = new JsonObject
        {
            ["profile"] = highPerformance ? "high_performance_seed" : "default",
            ["settings"] = settings ?? new JsonObject(),
            ["finds"] = finds ?? new JsonArray(),
        };
        peer._process = ChildProcess.Start(
            "libtorrent",
            ForeignPrograms.Python,
            [Path.Combine(AppContext.BaseDirectory, "Foreign", "libtorrent_peer.py"), options.ToJsonString()],
            onLine: peer.Accept);
        return await peer.OnceReadyAsync(async () => peer.Port = await peer.Process.FirstAsync(peer._listening.Task, cancellation));
    }

    /// <summary>
    /// Starts a session on a host of a network of its own, over all its addresses; of the ways to find peers <paramref name="finds"/> are on
    /// ("lsd", "pex", "dht").
    /// </summary>
    public static Task<LibtorrentPeer> OnAsync(LanHost host, CancellationToken cancellation, JsonArray finds, JsonObject? settings = null)
    {
        settings ??= [];
        settings["listen_interfaces"] = string.Join(',', host.Addresses.Select(address => new IPEndPoint(address, 6881).ToString()));
        settings["outgoing_interfaces"] = "";
        settings["enable_lsd"] = finds.Any(way => way!.GetValue<string>() == "lsd");
        settings["enable_dht"] = finds.Any(way => way!.GetValue<string>() == "dht");
        return host.Thread.RunAsync(() => StartAsync(cancellation, settings: settings, finds: finds));
    }

    public async Task SeedAsync(string torrentFile, string folder, CancellationToken cancellation)
    {
        // Not in libtorrent's seed mode: that hashes each piece when it is first asked for, in the middle of the transfer.
        await LeechAsync(TorrentGiven.OfFile(torrentFile), folder, cancellation);
        await this.WaitUntilCompleteAsync(cancellation);
    }

    public Task LeechAsync(TorrentGiven source, string folder, CancellationToken cancellation)
    {
        var command = new JsonObject { ["command"] = "add", ["save"] = folder };
        command[source.File is null ? "magnet" : "torrent"] = source.File ?? source.Magnet;
        return AskAsync(command, cancellation);
    }

    public Task ConnectAsync(int port, CancellationToken cancellation) => ConnectAsync(IPAddress.Loopback, port, cancellation);

    public Task ConnectAsync(IPAddress host, int port, CancellationToken cancellation) =>
        AskAsync(new() { ["command"] = "connect", ["host"] = host.ToString(), ["port"] = port }, cancellation);

    /// <summary>Asks the trackers again now.</summary>
    public Task AnnounceAsync(CancellationToken cancellation) =>
        AskAsync(new() { ["command"] = "announce" }, cancellation);

    public async Task<TransferCounters> CountersAsync(CancellationToken cancellation)
    {
        var status = await AskAsync(new() { ["command"] = "status" }, cancellation);
        return new(
            status["uploaded"]!.GetValue<long>(),
            status["downloaded"]!.GetValue<long>(),
            status["seeding"]!.GetValue<bool>());
    }

    public string Describe() => Process.Describe();

    public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<JsonObject> AskAsync(JsonObject command, CancellationToken cancellation)
    {
        var id = Interlocked.Increment(ref _lastId);
        var reply = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        _replies[id] = reply;
        command["id"] = id;
        Process.WriteLine(command.ToJsonString());
        var answer = await reply.Task.WaitAsync(cancellation);
        return answer["error"] is { } error
            ? throw new InvalidOperationException($"libtorrent: {error} for {command.ToJsonString()}")
            : answer;
    }

    private void Accept(string line)
    {
        JsonObject message;
        try
        {
            message = JsonNode.Parse(line)!.AsObject();
        }
        catch (JsonException)
        {
            return; // kept in the output for the failure message
        }

        if (message["reply"] is { } id && _replies.TryRemove(id.GetValue<int>(), out var reply))
        {
            reply.TrySetResult(message);
            return;
        }

        switch (message["event"]?.GetValue<string>())
        {
            case "listening":
                _listening.TrySetResult(message["port"]!.GetValue<int>());
                break;
            case "finished":
                _finished.TrySetResult(System.Diagnostics.Stopwatch.GetTimestamp());
                break;
        }
    }
}
