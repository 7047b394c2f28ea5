using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Shoal.Protocol.Metadata;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>What one who asks for much, or says it slowly, may take of a tracker.</summary>
public sealed class CatalogueBoundsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_torrent_that_comes_too_slowly_is_refused()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await CatalogueServer.StartTrackerAsync(static options => options, time);
        using var socket = await ConnectAsync(server);
        await socket.SendAsync("PUT /api/v1/names/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nd4:info"u8.ToArray(), Cancel);
        var answer = HeadAsync(socket);
        while (!answer.IsCompleted)
        {
            // It begins to count when it has begun to read, of which nobody hears.
            time.Advance(TimeSpan.FromSeconds(61));
            await Task.Yield();
        }

        Assert.Contains("the .torrent did not come within 60 seconds", await answer, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 408 ", await answer, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, (await server.PublishAsync("quick", "one")).Status);
    }

    [Fact]
    public async Task Torrents_that_nobody_reads_take_no_more_than_their_share_of_memory()
    {
        await using var server = await CatalogueServer.StartAsync();
        using var body = new ByteArrayContent(LargeTorrent(30 << 20)) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-bittorrent") } };
        Assert.Equal(HttpStatusCode.Created, (await server.SendAsync(HttpMethod.Put, "/api/v1/names/large", body)).Status);
        await server.PublishAsync("small", "one");
        var sockets = new List<Socket>();
        for (var i = 0; i < 4; i++)
        {
            sockets.Add(await ConnectAsync(server));
            await sockets[i].SendAsync("GET /api/v1/torrents/large HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), Cancel);
            Assert.StartsWith("HTTP/1.1 200 ", await HeadAsync(sockets[i]), StringComparison.Ordinal);
        }

        var refused = await server.GetAsync("/api/v1/torrents/large");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.Status);
        Assert.Equal("too many .torrent files are being sent just now; come again later", refused.Error);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/api/v1/torrents/small")).Status);
        sockets.ForEach(static socket => socket.Dispose());
        while ((await server.GetAsync("/api/v1/torrents/large")).Status != HttpStatusCode.OK)
        {
            // Until the tracker has seen one of them leave.
        }
    }

    [Fact]
    public async Task What_the_catalogue_does_not_want_is_no_fault_of_it_and_no_use_to_try_again()
    {
        await using var server = await CatalogueServer.StartAsync();
        await server.Tracker.DisposeAsync();
        using (var journal = Journal.Open(Path.Combine(server.Folder, "journal"), static _ => { }))
        {
            journal.Append([.. Enumerable.Range(1, CatalogueCore.MaximumVersionCount).Select(static version => Samples.Published("x", version, version))]);
        }

        await server.RestartAsync();
        var refused = await server.PublishAsync("x", "another");
        Assert.Equal(HttpStatusCode.Conflict, refused.Status);
        Assert.Equal("'x' has 10000 versions: remove some that nobody needs", refused.Error);
        Assert.Null(refused.Headers.RetryAfter);
        Assert.Equal("ok\n", (await server.GetAsync("/healthz")).Text);
        Assert.Equal(HttpStatusCode.OK, (await server.RemoveAsync("x@1")).Status);
        Assert.Equal(CatalogueCore.MaximumVersionCount + 1, (await server.PublishAsync("x", "another")).Entry.Version);
    }

    private static async Task<Socket> ConnectAsync(CatalogueServer server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 64 * 1024 };
        await socket.ConnectAsync(server.Tracker.EndPoint, Cancel);
        return socket;
    }

    // As much as comes at once: the head of the answer, and of a short one all.
    private static async Task<string> HeadAsync(Socket socket)
    {
        var buffer = new byte[4096];
        return Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer, Cancel));
    }

    private static byte[] LargeTorrent(int hashesLength)
    {
        var builder = new MetainfoBuilder
        {
            Name = "content", IsFolder = false, Files = [new NewFile("", hashesLength / 20 * 16384L)], PieceLength = 16384, PieceHashes = new byte[hashesLength / 20 * 20],
        };
        Assert.True(builder.TryBuild(out var metainfo, out var error), error);
        return MetainfoWriter.ToArray(metainfo);
    }
}
