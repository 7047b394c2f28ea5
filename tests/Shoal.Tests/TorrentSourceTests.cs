using System.Net;
using Shoal.Protocol.Metadata;

namespace Shoal.Tests;

/// <summary>What a torrent may be named by, and how each kind can be wrong.</summary>
public class TorrentSourceTests
{
    [Fact]
    public async Task Kinds_are_told_apart()
    {
        using var place = new Workplace();
        using var made = await NewTorrent.HashAsync(place.Write("x.bin", 1000));
        var bytes = MetainfoWriter.ToArray(made.Metainfo);
        var file = place.At("x.torrent");
        await File.WriteAllBytesAsync(file, bytes);
        using var server = new Server(context => context.Response.OutputStream.Write(bytes));
        var infoHash = made.Metainfo.InfoHash;
        foreach (var text in (string[])[$"magnet:?xt=urn:btih:{infoHash}", file, infoHash.ToString(), server.Url + "x.torrent"])
        {
            Assert.Equal(infoHash, (await TorrentSource.Parse(text).ReadAsync()).InfoHash);
        }
    }

    [Fact]
    public async Task A_page_is_no_torrent()
    {
        using var server = new Server(context => context.Response.OutputStream.Write("<html>no</html>"u8));
        var error = await Assert.ThrowsAsync<ShoalException>(() => TorrentSource.Parse(server.Url).ReadAsync());
        Assert.StartsWith($"{server.Url}: offset 0: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_refuses_is_quoted()
    {
        using var server = new Server(context => context.Response.StatusCode = 404);
        var error = await Assert.ThrowsAsync<ShoalException>(() => TorrentSource.Parse(server.Url).ReadAsync());
        Assert.Equal($"{server.Url}: the server answers 404 Not Found", error.Message);
    }

    [Fact]
    public async Task More_than_10_MiB_are_not_fetched()
    {
        using var server = new Server(context =>
        {
            try
            {
                for (var i = 0; i < 1000; i++)
                {
                    context.Response.OutputStream.Write(new byte[100_000]);
                }
            }
            catch (HttpListenerException)
            {
                // The client has had enough: as it should.
            }
        });
        var error = await Assert.ThrowsAsync<ShoalException>(() => TorrentSource.Parse(server.Url).ReadAsync());
        Assert.Equal($"{server.Url}: more than 10 MiB, too many for a .torrent", error.Message);
    }

    [Theory]
    [InlineData("", "'' is neither a magnet link, a URL, a file that exists, nor an info-hash")]
    [InlineData("gopher://x", "'gopher://x' is not an http or https URL")]
    [InlineData("magnet:xt", "a magnet link begins with 'magnet:?'")]
    [InlineData("/", "'/' is a folder, not a .torrent")]
    public void What_is_none_of_them_is_refused_in_one_line(string text, string message) =>
        Assert.Equal(message, Assert.Throws<ShoalException>(() => TorrentSource.Parse(text)).Message);

    private sealed class Server : IDisposable
    {
        private readonly HttpListener _listener;

        public Server(Action<HttpListenerContext> answer)
        {
            // HttpListener cannot bind port 0: a few tries at random ones.
            for (var attempt = 0; ; attempt++)
            {
                Url = $"http://127.0.0.1:{Random.Shared.Next(20_000, 60_000)}/";
                _listener = new HttpListener(); // one that could not start is of no more use
                _listener.Prefixes.Add(Url);
                try
                {
                    _listener.Start();
                    break;
                }
                catch (HttpListenerException) when (attempt < 20)
                {
                    // Taken.
                }
            }

            _ = ServeAsync(answer);
        }

        public string Url { get; }

        public void Dispose() => _listener.Close();

        private async Task ServeAsync(Action<HttpListenerContext> answer)
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    answer(context);
                    context.Response.Close();
                }
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // Closed.
            }
        }
    }
}
