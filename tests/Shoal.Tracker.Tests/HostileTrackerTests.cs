using System.Net;
using System.Net.Sockets;
using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Sockets.Trackers;

namespace Shoal.Tracker.Tests;

/// <summary>Our clients before trackers that do what trackers must not.</summary>
public sealed class HostileTrackerTests
{
    private static readonly AnnounceRequest Request = Announces.From(Announces.SomeInfoHash(), 1001);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    // Answers every connection with the same bytes; "{url}" in them is its own address.
    private static async Task<AnnounceReply> AskHttpAsync(string answer, int repetitions = 1, bool hangs = false)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = $"http://{listener.LocalEndpoint}/announce";
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var serving = Task.Run(async () =>
        {
            while (true)
            {
                using var connection = await listener.AcceptSocketAsync(stop.Token);
                try
                {
                    await connection.ReceiveAsync(new byte[4096], stop.Token);
                    var bytes = Encoding.Latin1.GetBytes(answer.Replace("{url}", url, StringComparison.Ordinal));
                    for (var i = 0; i < repetitions; i++)
                    {
                        await connection.SendAsync(bytes, stop.Token);
                    }

                    await Task.Delay(hangs ? Timeout.Infinite : 0, stop.Token);
                    connection.Shutdown(SocketShutdown.Send);
                }
                catch (SocketException)
                {
                    // The client has heard enough.
                }
            }
        }, Cancel);
        using var client = new HttpTrackerClient(timeout: TimeSpan.FromSeconds(hangs ? 0.3 : 15));
        var reply = await client.AnnounceAsync(new Uri(url), Request, Cancel);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving);
        Assert.DoesNotContain('\n', reply.FailureReason ?? string.Empty);
        Assert.StartsWith($"tracker {url}", reply.FailureReason, StringComparison.Ordinal);
        return reply with { Failure = reply.Failure! with { Text = reply.Failure.Text[$"tracker {url}".Length..].Trim(' ', ':') } };
    }

    private static string Http(string body, string status = "200 OK") => $"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\n\r\n{body}";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_that_is_reset_without_an_answer_is_made_once_more(bool wasUsed)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answer = Encoding.Latin1.GetBytes(Http("d8:intervali600e5:peers0:e"));
        var serving = Task.Run(async () =>
        {
            var buffer = new byte[4096];
            using (var connection = await listener.AcceptSocketAsync(Cancel))
            {
                await connection.ReceiveAsync(buffer, Cancel);
                if (wasUsed)
                {
                    await connection.SendAsync(answer, Cancel);
                    await connection.ReceiveAsync(buffer, Cancel);
                }

                connection.LingerState = new LingerOption(enable: true, seconds: 0); // so that it ends with a reset
            }

            using var other = await listener.AcceptSocketAsync(Cancel);
            await other.ReceiveAsync(buffer, Cancel);
            await other.SendAsync(answer, Cancel);
        }, Cancel);
        using var client = new HttpTrackerClient();
        var url = new Uri($"http://{listener.LocalEndpoint}/announce");
        for (var i = 0; i < (wasUsed ? 2 : 1); i++)
        {
            Assert.Null((await client.AnnounceAsync(url, Request, Cancel)).Failure);
        }

        await serving;
    }

    public static TheoryData<string, string, bool> Answers => new()
    {
        { Http("<html><body>hello</body></html>"), "answered with HTML, not bencode", false },
        { Http("hello"), "answered with something that is not bencode", false },
        { Http(""), "answered with nothing", false },
        { Http("d8:intervali01ee"), "answered with broken bencode: offset 11 (interval): a leading zero in an integer", false },
        { Http("d14:failure reason7:go awaye"), "refused: go away", false },
        { Http("d14:failure reason7:go away8:retry ini9ee", "403 Forbidden"), "refused: go away", true },
        { Http("<html>", "404 Not Found"), "answered with HTTP status 404", false },
        { Http("", "503 Service Unavailable"), "answered with HTTP status 503", true },
        { "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n", "redirected more than 3 times, or to where we do not follow", false },
        { "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "redirected to what is no web address", false },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task A_bad_answer_becomes_one_clear_line(string answer, string expected, bool isTemporary)
    {
        var reply = await AskHttpAsync(answer);
        Assert.Equal(expected, reply.FailureReason);
        Assert.Equal(isTemporary, reply.Failure!.IsTemporary);
    }

    [Fact]
    public async Task Ten_megabytes_are_not_swallowed()
    {
        var block = new string('x', 64 * 1024);
        var reply = await AskHttpAsync($"HTTP/1.1 200 OK\r\n\r\n{block}", repetitions: 160);
        Assert.Equal("answered with more than 1024 KiB", reply.FailureReason);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:")]
    public async Task A_tracker_that_hangs_is_given_up(string start)
    {
        var reply = await AskHttpAsync(start, hangs: true);
        Assert.Equal("did not answer within 0.3 s", reply.FailureReason);
        Assert.True(reply.Failure!.IsTemporary);
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:")]
    public async Task What_is_not_http_or_ends_too_soon_is_temporary(string answer) =>
        Assert.True((await AskHttpAsync(answer)).Failure!.IsTemporary);

    [Theory]
    [InlineData("http")]
    [InlineData("udp")]
    public async Task Nobody_there_is_a_temporary_failure(string scheme)
    {
        using var free = new Socket(SocketType.Stream, ProtocolType.Tcp);
        free.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)free.LocalEndPoint!).Port;
        using var client = new TrackerClient();
        var reply = await client.AnnounceAsync(new Uri($"{scheme}://127.0.0.1:{port}/announce"), Request, Cancel);
        Assert.True(reply.Failure?.IsTemporary);
        Assert.Contains(scheme == "http" ? "connection refused" : "nobody listens", reply.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_schemes_are_named()
    {
        using var client = new TrackerClient();
        Assert.Contains("not \"wss\"", (await client.AnnounceAsync(new Uri("wss://x/announce"), Request, Cancel)).FailureReason, StringComparison.Ordinal);
    }

    // A UDP tracker that answers what the test says.
    private static async Task<AnnounceReply> AskUdpAsync(Func<byte[], int, IEnumerable<byte[]>> answer, TimeSpan? firstTimeout = null)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var serving = Task.Run(async () =>
        {
            var packet = new byte[2048];
            for (var i = 0; ; i++)
            {
                var from = await socket.ReceiveFromAsync(packet, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), stop.Token);
                foreach (var reply in answer(packet[..from.ReceivedBytes], i))
                {
                    await socket.SendToAsync(reply, SocketFlags.None, from.RemoteEndPoint, stop.Token);
                }
            }
        }, Cancel);
        var client = new UdpTrackerClient(firstTimeout: firstTimeout);
        var result = await client.AnnounceAsync(new Uri($"udp://{socket.LocalEndPoint}"), Request, Cancel);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving);
        return result;
    }

    private static byte[] Connect(byte[] packet)
    {
        var reply = new byte[16];
        UdpTrackerCodec.TryReadHeader(packet, out _, out _, out var transactionId);
        UdpTrackerCodec.WriteConnectReply(reply, transactionId, 42);
        return reply;
    }

    private static byte[] Announced(byte[] packet, uint transactionOffset = 0)
    {
        var reply = new byte[26];
        UdpTrackerCodec.TryReadHeader(packet, out _, out _, out var transactionId);
        UdpTrackerCodec.WriteAnnounceReply(reply, transactionId + transactionOffset, 60, 1, 0);
        PeerAddress.From(IPAddress.Loopback, 7).WriteCompact(reply.AsSpan(20));
        return reply;
    }

    [Fact]
    public async Task A_lost_packet_is_sent_again()
    {
        var reply = await AskUdpAsync((packet, i) => (i % 2 == 0, packet.Length) switch
        {
            (true, _) => [],
            (_, 16) => [Connect(packet)],
            _ => [Announced(packet)],
        }, TimeSpan.FromMilliseconds(50));
        Assert.Equal(7, Assert.Single(reply.Peers).Port);
    }

    [Fact]
    public async Task Answers_with_a_wrong_transaction_id_or_too_short_are_ignored()
    {
        var reply = await AskUdpAsync((packet, _) => packet.Length == 16 ? [[1, 2], Connect(packet)] : [Announced(packet, transactionOffset: 1), [0], Announced(packet)]);
        Assert.Null(reply.Failure);
        Assert.Single(reply.Peers);
    }

    [Fact]
    public async Task A_wrong_kind_of_answer_is_a_failure() => Assert.Contains(
        "something else", (await AskUdpAsync((packet, _) => [Connect(packet)])).FailureReason, StringComparison.Ordinal);

    [Fact]
    public async Task A_silent_tracker_is_waited_for_until_the_caller_cancels()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var patience = new CancellationTokenSource(100);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new UdpTrackerClient().AnnounceAsync(new Uri($"udp://{socket.LocalEndPoint}"), Request, patience.Token));
    }
}
