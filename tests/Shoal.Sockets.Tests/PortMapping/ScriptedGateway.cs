using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;
using Shoal.Sockets.PortMapping;

namespace Shoal.Sockets.Tests.PortMapping;

/// <summary>A router on loopback that does what a test tells it: sockets for datagrams, for searches and for HTTP, each answered by a script.</summary>
internal sealed class ScriptedGateway : IAsyncDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private readonly Socket _datagrams = NewUdp();
    private readonly Socket _searches = NewUdp();
    private readonly TcpListener _http = new(IPAddress.Loopback, 0);
    private readonly List<Task> _tasks = [];

    public ScriptedGateway()
    {
        _http.Start();
        _tasks.Add(AnswerAsync(_datagrams, packet => OnDatagram(packet)));
        _tasks.Add(AnswerAsync(_searches, _ => OnSearch()));
        _tasks.Add(ServeAsync());
    }

    public static PeerAddress External { get; } = PeerAddress.From(IPAddress.Parse("198.51.100.7"), 0);

    /// <summary>What to answer to a datagram; null for nothing.</summary>
    public Func<byte[], byte[]?> OnDatagram { get; set; } = _ => null;

    /// <summary>What to answer to a search.</summary>
    public Func<byte[]?> OnSearch { get; set; } = () => null;

    /// <summary>Answers a request, whose head and body it is given.</summary>
    public Func<string, NetworkStream, Task> OnHttp { get; set; } = (_, _) => Task.CompletedTask;

    public ConcurrentQueue<string> Requests { get; } = new();

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_http.LocalEndpoint).Port}/");

    public PortMapperOptions Options => new()
    {
        Gateway = (IPEndPoint)_datagrams.LocalEndPoint!,
        SearchGroup = (IPEndPoint)_searches.LocalEndPoint!,
        AnnouncementPort = 0,
    };

    public static byte[] Found(Uri url) => Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: {url}\r\n\r\n");

    public static string Describe(string control) =>
        $"<root><device><service><serviceType>{UpnpService.WanIPConnection1}</serviceType><controlURL>{control}</controlURL></service></device></root>";

    public static async Task SayAsync(NetworkStream stream, string body, string status = "200 OK", string more = "") => await stream.WriteAsync(
        Encoding.UTF8.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n{more}\r\n{body}"));

    /// <summary>Grants what is asked in PCP; null for what is not PCP.</summary>
    public static byte[]? GrantPcp(byte[] packet) => PcpCodec.TryReadMapRequest(packet, out var request)
        ? PcpCodec.WriteMapReply(new PcpMapReply(
            PcpResult.Success, request.LifetimeSeconds, 100, request.Map with { External = External.WithPort(request.Map.External.Port) }))
        : null;

    /// <summary>A UPnP router that grants everything.</summary>
    public void GrantUpnp()
    {
        OnSearch = () => Found(Url);
        OnHttp = (request, stream) => SayAsync(stream, request.Contains("GET ", StringComparison.Ordinal) ? Describe("/ctl")
            : request.Contains("#GetExternalIPAddress", StringComparison.Ordinal) ? $"<r><NewExternalIPAddress>{External.ToIPAddress()}</NewExternalIPAddress></r>"
            : "<r/>");
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _datagrams.Dispose();
        _searches.Dispose();
        _http.Dispose();
        await Task.WhenAll(_tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ending.Dispose();
    }

    private static Socket NewUdp()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private async Task AnswerAsync(Socket socket, Func<byte[], byte[]?> answer)
    {
        var buffer = new byte[2048];
        while (true)
        {
            var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _ending.Token);
            if (answer(buffer[..received.ReceivedBytes]) is { } packet)
            {
                await socket.SendToAsync(packet, SocketFlags.None, received.RemoteEndPoint, _ending.Token);
            }
        }
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            using var client = await _http.AcceptTcpClientAsync(_ending.Token);
            var stream = client.GetStream();
            try
            {
                var request = await ReadAsync(stream);
                Requests.Enqueue(request);
                await OnHttp(request, stream).WaitAsync(_ending.Token);
            }
            catch (IOException)
            {
                // It has heard enough.
            }
        }
    }

    // A request is whole once its body is as long as its head says.
    private async Task<string> ReadAsync(NetworkStream stream)
    {
        var text = "";
        var buffer = new byte[4096];
        while (true)
        {
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            var length = text.IndexOf("Content-Length: ", StringComparison.Ordinal);
            var wanted = length < 0 ? 0 : int.Parse(text[(length + 16)..text.IndexOf("\r\n", length, StringComparison.Ordinal)]);
            if (end >= 0 && text.Length >= end + 4 + wanted)
            {
                return text;
            }

            var count = await stream.ReadAsync(buffer, _ending.Token);
            text += count == 0 ? throw new IOException("cut off") : Encoding.ASCII.GetString(buffer, 0, count);
        }
    }
}
