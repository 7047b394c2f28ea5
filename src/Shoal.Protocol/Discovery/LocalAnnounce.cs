using System.Buffers.Text;
using System.Text;

namespace Shoal.Protocol.Discovery;

/// <summary>
/// An announce on the local network (BEP 14): who takes links at which port for which torrents, in the form of an HTTP request of which
/// nothing but the headers means anything. Who says it is told by the datagram's source.
/// </summary>
/// <param name="Port">Where the sender takes links; never 0.</param>
/// <param name="InfoHashes">Which torrents; at least one.</param>
/// <param name="Cookie">By which the sender knows its own announces again; null if it gave none.</param>
public sealed record LocalAnnounce(ushort Port, IReadOnlyList<InfoHash> InfoHashes, string? Cookie)
{
    /// <summary>The UDP port of both groups.</summary>
    public const int GroupPort = 6771;

    /// <summary>The longest datagram that is written (BEP 14), and the longest that is read, in bytes.</summary>
    public const int MaximumLength = 1400;

    /// <summary>Torrents in a datagram at most: what fits.</summary>
    public const int MaximumCount = 24;

    /// <summary>The longest cookie that is written or heeded, in characters.</summary>
    public const int MaximumCookieLength = 64;

    private const string RequestLine = "BT-SEARCH * HTTP/1.1\r\n";
    private const string HostIPv4 = "239.192.152.143:6771";
    private const string HostIPv6 = "[ff15::efc0:988f]:6771";

    /// <summary>The bytes of the IPv4 group, 239.192.152.143.</summary>
    public static ReadOnlySpan<byte> GroupIPv4 => [239, 192, 152, 143];

    /// <summary>The bytes of the IPv6 group, ff15::efc0:988f.</summary>
    public static ReadOnlySpan<byte> GroupIPv6 => [0xff, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xef, 0xc0, 0x98, 0x8f];

    /// <summary>
    /// Reads a datagram. False if it is none, is too long, names no port or no torrent, or names the port twice. Headers that nobody knows
    /// are passed over, as are torrents beyond <see cref="MaximumCount"/>, those named twice, and a host that is another group.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out LocalAnnounce announce)
    {
        announce = null!;
        if (datagram.Length > MaximumLength || !datagram.StartsWith("BT-SEARCH * HTTP/"u8))
        {
            return false;
        }

        ushort port = 0;
        string? cookie = null;
        List<InfoHash> infoHashes = [];
        TakeLine(ref datagram);
        while (TakeLine(ref datagram) is { IsEmpty: false } line)
        {
            var colon = line.IndexOf((byte)':');
            var name = line[..Math.Max(0, colon)];
            var value = line[(colon + 1)..].Trim(" \t"u8);
            if (Is(name, "port"u8))
            {
                if (port != 0 || !TryReadPort(value, out port))
                {
                    return false;
                }
            }
            else if (Is(name, "infohash"u8))
            {
                TryAdd(value, infoHashes);
            }
            else if (Is(name, "cookie"u8) && value.Length <= MaximumCookieLength)
            {
                cookie = Encoding.Latin1.GetString(value);
            }
        }

        announce = new LocalAnnounce(port, infoHashes, cookie);
        return port != 0 && infoHashes.Count > 0;
    }

    /// <summary>The datagram for one of the groups. At most <see cref="MaximumCount"/> torrents fit, and are written.</summary>
    public byte[] ToDatagram(bool isIPv6)
    {
        var text = new StringBuilder(RequestLine, MaximumLength);
        text.Append("Host: ").Append(isIPv6 ? HostIPv6 : HostIPv4).Append("\r\nPort: ").Append(Port).Append("\r\n");
        foreach (var infoHash in InfoHashes.Take(MaximumCount))
        {
            text.Append("Infohash: ").Append(infoHash).Append("\r\n");
        }

        if (Cookie is not null)
        {
            text.Append("cookie: ").Append(Cookie.AsSpan(0, Math.Min(Cookie.Length, MaximumCookieLength))).Append("\r\n");
        }

        return Encoding.Latin1.GetBytes(text.Append("\r\n\r\n").ToString());
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> known) => Ascii.EqualsIgnoreCase(name, known);

    private static bool TryReadPort(ReadOnlySpan<byte> value, out ushort port) =>
        Utf8Parser.TryParse(value, out port, out var length) && length == value.Length && port != 0;

    private static void TryAdd(ReadOnlySpan<byte> value, List<InfoHash> infoHashes)
    {
        if (value.Length == 2 * InfoHash.Length && infoHashes.Count < MaximumCount &&
            InfoHash.TryParse(Encoding.Latin1.GetString(value), out var infoHash) && !infoHashes.Contains(infoHash))
        {
            infoHashes.Add(infoHash);
        }
    }

    // The line that comes next, without its end; some senders end lines with a line feed alone.
    private static ReadOnlySpan<byte> TakeLine(ref ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOf((byte)'\n');
        var line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return line is [.. var text, (byte)'\r'] ? text : line;
    }
}
