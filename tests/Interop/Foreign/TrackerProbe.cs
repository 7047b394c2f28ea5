using System.Text;
using System.Text.RegularExpressions;

namespace Shoal.Interop.Foreign;

/// <summary>Asks a tracker by HTTP scrape (BEP 48) how many it knows, so that tests need not guess who announced first.</summary>
internal static class TrackerProbe
{
    public static Task WaitForSeedersAsync(int port, string infoHash, int count, CancellationToken cancellation) =>
        WaitAsync(port, infoHash, static answer => Read(answer, "complete"), count, cancellation);

    /// <summary>Waits for peers of either kind: a client that has no metadata yet cannot say what it lacks.</summary>
    public static Task WaitForPeersAsync(int port, string infoHash, int count, CancellationToken cancellation) =>
        WaitAsync(port, infoHash, static answer => Read(answer, "complete") + Read(answer, "incomplete"), count, cancellation);

    /// <summary>An info-hash of 40 hexadecimal digits as a URL's query has it.</summary>
    public static string Escape(string infoHash) =>
        string.Concat(Convert.FromHexString(infoHash).Select(static value => $"%{value:x2}"));

    private static async Task WaitAsync(
        int port, string infoHash, Func<string, int> known, int wanted, CancellationToken cancellation)
    {
        var url = new Uri($"http://127.0.0.1:{port}/scrape?info_hash={Escape(infoHash)}");
        using var http = NetworkThread.NewHttpClient();
        while (known(Encoding.Latin1.GetString(await http.GetByteArrayAsync(url, cancellation))) < wanted)
        {
            await Task.Delay(50, cancellation);
        }
    }

    private static int Read(string answer, string key)
    {
        var match = Regex.Match(answer, $"{key.Length}:{key}i(\\d+)e", RegexOptions.None, TimeSpan.FromSeconds(1));
        return match.Success ? int.Parse(match.Groups[1].ValueSpan) : 0;
    }
}
