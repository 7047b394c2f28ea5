using System.Security.Cryptography;
using System.Text;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// The page at /: one file, which shows the catalogue by the same endpoints that all others use. It may run its own script and ask its own
/// tracker, and nothing else: its policy names the hashes of what stands in it. Immutable.
/// </summary>
internal static class WebPage
{
    /// <summary>What it is for HTTP.</summary>
    public const string ContentType = "text/html; charset=utf-8";

    /// <summary>The page.</summary>
    public static byte[] Html { get; } = Read();

    /// <summary>Its Content-Security-Policy.</summary>
    public static string Policy { get; } =
        $"default-src 'none'; script-src '{HashOf("script")}'; style-src '{HashOf("style")}'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static byte[] Read()
    {
        using var resource = typeof(WebPage).Assembly.GetManifestResourceStream("WebPage.html")!;
        var page = new byte[resource.Length];
        resource.ReadExactly(page);
        return page;
    }

    private static string HashOf(string tag)
    {
        ReadOnlySpan<byte> page = Html;
        var start = Encoding.ASCII.GetBytes($"<{tag}>");
        var content = page[(page.IndexOf(start) + start.Length)..];
        content = content[..content.IndexOf(Encoding.ASCII.GetBytes($"</{tag}>"))];
        return $"sha256-{Convert.ToBase64String(SHA256.HashData(content))}";
    }
}
