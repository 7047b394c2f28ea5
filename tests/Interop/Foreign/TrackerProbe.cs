using System.Text;
using System.Text.RegularExpressions;

namespace Shoal.Interop.Foreign;

/// <summary>Asks a tracker by HTTP scrape (BEP 48) how many it knows, so that tests need not guess who announced first.</summary>
internal static class TrackerProbe
{
    private static readonly HttpClient Http = new();

    public static Task WaitForSeedersAsync(int port, string infoHash, int count, CancellationToken cancellation) =>
        WaitAsync(port, infoHash, "complete", count, cancellation);

    public static Task WaitForLeechersAsync(int port, string infoHash, int count, CancellationToken cancellation) =>
        WaitAsync(port, infoHash, "incomplete", count, cancellation);

    private static async Task WaitAsync(int port, string infoHash, string key, int count, CancellationToken cancellation)
    {
        var hash = string.Concat(Convert.FromHexString(infoHash).Select(static value => $"%{value:x2}"));
        var url = new Uri($"http://127.0.0.1:{port}/scrape?info_hash={hash}");
        while (true)
        {
            var text = Encoding.Latin1.GetString(await Http.GetByteArrayAsync(url, cancellation));
            var match = Regex.Match(text, $"{key.Length}:{key}i(\\d+)e", RegexOptions.None, TimeSpan.FromSeconds(1));
            if (match.Success && int.Parse(match.Groups[1].ValueSpan) >= count)
            {
                return;
            }

            await Task.Delay(50, cancellation);
        }
    }
}
