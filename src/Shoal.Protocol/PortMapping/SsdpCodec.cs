using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;

namespace Shoal.Protocol.PortMapping;

/// <summary>
/// Simple service discovery, as far as UPnP needs it (UPnP Device Architecture 1.1, 1.3): a search is told to all, and devices answer to
/// who asked with the place of their description. Decoding never throws, and what it holds is bounded by the datagram.
/// </summary>
public static class SsdpCodec
{
    /// <summary>The address at which devices listen for searches.</summary>
    public const string Group = "239.255.255.250";

    /// <summary>The port at which devices listen for searches.</summary>
    public const int Port = 1900;

    /// <summary>The longest answer that is read, in bytes.</summary>
    public const int MaximumLength = 2048;

    /// <summary>The longest address of a description that is taken.</summary>
    private const int MaximumLocationLength = 512;

    /// <summary>Asks who is a device, or has a service, of a type.</summary>
    /// <param name="target">The type.</param>
    /// <param name="answerSeconds">Within how long they shall answer, each at a time of its choice, so that they do not all at once.</param>
    public static byte[] WriteSearch(string target, int answerSeconds) => Encoding.ASCII.GetBytes(
        $"M-SEARCH * HTTP/1.1\r\nHOST: {Group}:{Port}\r\nMAN: \"ssdp:discover\"\r\nMX: {answerSeconds}\r\nST: {target}\r\n\r\n");

    /// <summary>
    /// Reads where the answering device describes itself: an http address whose host is the very address that the answer came from. Whatever
    /// else is answered is passed over, since nobody speaks for another.
    /// </summary>
    public static bool TryReadLocation(ReadOnlySpan<byte> answer, PeerAddress source, [NotNullWhen(true)] out Uri? location)
    {
        location = null;
        if (answer.Length > MaximumLength || !answer.StartsWith("HTTP/1."u8) || answer.Length < 12 || !answer[8..12].SequenceEqual(" 200"u8))
        {
            return false;
        }

        foreach (var line in Encoding.Latin1.GetString(answer).AsSpan().EnumerateLines())
        {
            var colon = line.IndexOf(':');
            if (colon > 0 && line[..colon].Trim().Equals("LOCATION", StringComparison.OrdinalIgnoreCase))
            {
                return TryReadUrl(line[(colon + 1)..].Trim(), source, out location);
            }
        }

        return false;
    }

    private static bool TryReadUrl(ReadOnlySpan<char> text, PeerAddress host, [NotNullWhen(true)] out Uri? url)
    {
        url = text.Length <= MaximumLocationLength && Uri.TryCreate(text.ToString(), UriKind.Absolute, out var named) && IsAt(named, host) ? named : null;
        return url is not null;
    }

    /// <summary>Whether it is an http address at that very host, written in numbers.</summary>
    internal static bool IsAt(Uri url, PeerAddress host) =>
        url.IsAbsoluteUri && url.Scheme == Uri.UriSchemeHttp && url.UserInfo.Length == 0 && url.Port is > 0 and <= ushort.MaxValue &&
        IPAddress.TryParse(url.IdnHost, out var address) && PeerAddress.From(address, 0) == host.WithPort(0);
}
