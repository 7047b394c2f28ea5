using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shoal.Interop.Foreign;

namespace Shoal.Tracker.Tests;

/// <summary>Debian's Chromium without a screen, told what to do over DevTools. One owner.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private readonly Workplace _place = new();
    private readonly ClientWebSocket _socket = new();
    private readonly ChildProcess _process;
    private readonly TaskCompletionSource<Uri> _devTools = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _lastId;

    private Browser(params IEnumerable<string> options)
    {
        string[] ours =
        [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--remote-debugging-port=0", $"--user-data-dir={_place.At("profile")}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        ];
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["HOME"] = _place.Root };
        _process = ChildProcess.Start("chromium", "/bin/sh", ["-c", "exec chromium \"$@\" 2>&1", "chromium", .. ours, .. options, "about:blank"], onLine: Read, environment: environment);
    }

    /// <summary>What pages complained of: errors of scripts, and what their policy kept them from.</summary>
    public List<string> Complaints { get; } = [];

    public static async Task<Browser> StartAsync(CancellationToken cancellation, params IEnumerable<string> options)
    {
        var browser = new Browser(options);
        try
        {
            var devTools = await browser._devTools.Task.WaitAsync(TimeSpan.FromMinutes(1), cancellation);
            using var http = new HttpClient();
            var targets = JsonNode.Parse(await http.GetStringAsync(new Uri($"http://{devTools.Authority}/json/list"), cancellation))!.AsArray();
            var page = targets.First(target => (string?)target!["type"] == "page")!;
            await browser._socket.ConnectAsync(new Uri((string)page["webSocketDebuggerUrl"]!), cancellation);
            foreach (var domain in new[] { "Page", "Runtime", "Log" })
            {
                await browser.CallAsync($"{domain}.enable", [], cancellation);
            }

            return browser;
        }
        catch (Exception error)
        {
            await browser.DisposeAsync();
            throw new InvalidOperationException($"chromium did not start: {browser._process.Output}", error);
        }
    }

    public Task OpenAsync(Uri url, CancellationToken cancellation) => CallAsync("Page.navigate", new JsonObject { ["url"] = url.ToString() }, cancellation);

    /// <summary>Runs a script in the page; what it gives, awaited if it is a promise.</summary>
    public async Task<JsonNode?> RunAsync(string script, CancellationToken cancellation)
    {
        var answer = await CallAsync("Runtime.evaluate", new JsonObject { ["expression"] = script, ["awaitPromise"] = true, ["returnByValue"] = true }, cancellation);
        Assert.True(answer["exceptionDetails"] is null, answer.ToJsonString());
        return answer["result"]!["value"];
    }

    /// <summary>Waits until the condition holds in the page, which is looked at whenever the page changes.</summary>
    public async Task UntilAsync(string condition, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        try
        {
            await RunAsync(
                $$"""
                new Promise(done => {
                  // Before all of it is parsed, what a condition speaks of may not be there.
                  const look = () => { if (document.readyState !== 'loading' && ({{condition}})) { observer.disconnect(); done(); } };
                  document.addEventListener('readystatechange', look);
                  const observer = new MutationObserver(look);
                  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
                  look();
                })
                """,
                patience.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            Assert.Fail($"it did not come about in the page: {condition}; {string.Join("; ", Complaints)}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _process.DisposeAsync();
        _place.Dispose();
    }

    private void Read(string line)
    {
        const string Start = "DevTools listening on ";
        if (line.StartsWith(Start, StringComparison.Ordinal))
        {
            _devTools.TrySetResult(new Uri(line[Start.Length..].Trim()));
        }
    }

    private async Task<JsonNode> CallAsync(string method, JsonObject parameters, CancellationToken cancellation)
    {
        var id = ++_lastId;
        var call = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters };
        await _socket.SendAsync(Encoding.UTF8.GetBytes(call.ToJsonString()), WebSocketMessageType.Text, endOfMessage: true, cancellation);
        while (true)
        {
            var message = await ReceiveAsync(cancellation);
            if ((int?)message["id"] == id)
            {
                Assert.True(message["error"] is null, message.ToJsonString());
                return message["result"]!;
            }

            switch ((string?)message["method"])
            {
                case "Runtime.exceptionThrown": Complaints.Add(message["params"]!["exceptionDetails"]!.ToJsonString()); break;
                case "Log.entryAdded" when (string?)message["params"]!["entry"]!["level"] == "error": Complaints.Add((string)message["params"]!["entry"]!["text"]!); break;
            }
        }
    }

    private async Task<JsonNode> ReceiveAsync(CancellationToken cancellation)
    {
        var bytes = new ArrayBufferWriter<byte>();
        while (true)
        {
            var received = await _socket.ReceiveAsync(bytes.GetMemory(64 * 1024), cancellation);
            bytes.Advance(received.Count);
            if (received.EndOfMessage)
            {
                return JsonNode.Parse(bytes.WrittenSpan)!;
            }
        }
    }
}
