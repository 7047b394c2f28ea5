using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;

namespace Shoal.Protocol.Metadata;

/// <summary>A peer that a magnet link names, or a DHT node that a torrent names: a host name or an IP address without brackets, and a port.</summary>
public readonly record struct MagnetPeer(string Host, ushort Port)
{
    /// <summary>Reads "host:port" or "[ipv6]:port", where the port is 1 to 65535. Resolves nothing.</summary>
    public static bool TryParse(string text, out MagnetPeer peer)
    {
        peer = default;
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
        {
            return false;
        }

        var host = text[..colon];
        var isBracketed = host[0] == '[' && host[^1] == ']';
        host = isBracketed ? host[1..^1] : host;
        return host.Contains(':') == isBracketed && TryCreate(host, port, out peer);
    }

    /// <summary>Checks what is no port, no IPv6 address and no host name. Resolves nothing.</summary>
    internal static bool TryCreate(string host, long port, out MagnetPeer peer)
    {
        var isHost = host.Contains(':') ? IPAddress.TryParse(host, out _)
            : host.Length is > 0 and <= 253 && host.All(character => char.IsLetterOrDigit(character) || character is '.' or '-' or '_');
        var isGood = isHost && port is > 0 and <= ushort.MaxValue;
        peer = isGood ? new MagnetPeer(host, (ushort)port) : default;
        return isGood;
    }

    /// <summary>"host:port", "[ipv6]:port".</summary>
    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}

/// <summary>
/// A magnet link (BEP 9): names a torrent by its info-hash and tells where to begin to look. Read by
/// <see cref="TryParse"/>, printed by <see cref="ToString"/>. Parameters not known are passed over. Immutable.
/// </summary>
public sealed record MagnetLink
{
    /// <summary>The longest link that is read, in characters; it bounds all the lists.</summary>
    public const int MaximumLength = 64 * 1024;

    private const string Scheme = "magnet:?";

    /// <summary>The torrent (<c>xt=urn:btih:</c>).</summary>
    public required InfoHash InfoHash { get; init; }

    /// <summary>A name to show (<c>dn</c>): from a stranger, and no file name; control characters are replaced.</summary>
    public string? Name { get; init; }

    /// <summary>The whole content's length in bytes (<c>xl</c>), if the link tells it; nothing has verified it.</summary>
    public long? Length { get; init; }

    /// <summary>Tracker URLs (<c>tr</c>), in order.</summary>
    public IReadOnlyList<string> Trackers { get; init; } = [];

    /// <summary>Web seed URLs (<c>ws</c>, BEP 19).</summary>
    public IReadOnlyList<string> WebSeeds { get; init; } = [];

    /// <summary>Peers (<c>x.pe</c>).</summary>
    public IReadOnlyList<MagnetPeer> Peers { get; init; } = [];

    /// <summary>The files that are meant (<c>so</c>, BEP 53), by their place in the torrent's list; empty for all.</summary>
    public IReadOnlyList<FileRange> Files { get; init; } = [];

    /// <summary>
    /// Whether who follows the link may look for the torrent in the DHT, where strangers learn of it. Unless the link says
    /// <c>x.dht=off</c>, a parameter of ours: of other clients nobody can ask it.
    /// </summary>
    public bool MayUseDht { get; init; } = true;

    /// <summary>Whether the text claims to be a magnet link, be it well formed or not.</summary>
    public static bool IsMagnet([NotNullWhen(true)] string? text) =>
        text is not null && text.StartsWith("magnet:", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a link; if it is malformed, one line tells what is wrong.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out MagnetLink? link, out string error)
    {
        link = null;
        error = "";
        if (text is null || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            error = $"a magnet link begins with '{Scheme}'";
        }
        else if (text.Length > MaximumLength)
        {
            error = $"a magnet link of {text.Length} characters; at most {MaximumLength} are read";
        }
        else
        {
            var draft = new Draft();
            foreach (var parameter in text[Scheme.Length..].Split('&', StringSplitOptions.RemoveEmptyEntries))
            {
                if (draft.Add(parameter) is { } wrong)
                {
                    error = wrong;
                    return false;
                }
            }

            link = draft.ToLink(out error);
        }

        return link is not null;
    }

    /// <summary>The link, percent-encoded.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Scheme).Append("xt=urn:btih:").Append(InfoHash);
        if (Name is not null)
        {
            text.Append("&dn=").Append(Uri.EscapeDataString(Name));
        }

        if (Length is { } length)
        {
            text.Append("&xl=").Append(length);
        }

        foreach (var tracker in Trackers)
        {
            text.Append("&tr=").Append(Uri.EscapeDataString(tracker));
        }

        foreach (var webSeed in WebSeeds)
        {
            text.Append("&ws=").Append(Uri.EscapeDataString(webSeed));
        }

        foreach (var peer in Peers)
        {
            text.Append("&x.pe=").Append(peer);
        }

        if (Files.Count > 0)
        {
            text.Append("&so=").AppendJoin(',', Files);
        }

        return text.Append(MayUseDht ? "" : "&x.dht=off").ToString();
    }

    private sealed class Draft
    {
        private readonly List<string> _trackers = [];
        private readonly List<string> _webSeeds = [];
        private readonly List<MagnetPeer> _peers = [];
        private readonly List<FileRange> _files = [];
        private InfoHash? _infoHash;
        private bool _hasVersion2;
        private string? _name;
        private long? _length;
        private bool _mayUseDht = true;

        /// <summary>Adds "key=value"; null, or what is wrong.</summary>
        public string? Add(string parameter)
        {
            var equals = parameter.IndexOf('=');
            if (equals < 0)
            {
                return null;
            }

            var key = WithoutNumber(parameter[..equals].ToLowerInvariant());
            if (key is not ("xt" or "dn" or "xl" or "tr" or "ws" or "x.pe" or "x.dht" or "so"))
            {
                return null;
            }

            // Only names are known to come from HTML forms, which write a space as '+'.
            var escaped = parameter[(equals + 1)..];
            if (!TryUnescape(key == "dn" ? escaped.Replace('+', ' ') : escaped, out var value))
            {
                return $"the magnet link's '{key}' has a malformed percent escape: {SafePath.ForDisplay(escaped)}";
            }

            return key switch
            {
                "xt" => AddTopic(value),
                "tr" => AddUrl(_trackers, key, value),
                "ws" => AddUrl(_webSeeds, key, value),
                "x.pe" => AddPeer(value),
                "so" => AddFiles(value),
                "x.dht" => SetMayUseDht(value),
                "xl" => SetLength(value),
                _ => SetName(value),
            };
        }

        public MagnetLink? ToLink(out string error)
        {
            error = _infoHash is not null ? "" : _hasVersion2
                ? "a v2-only magnet link (urn:btmh, BEP 52) is not supported yet"
                : "the magnet link has no 'xt=urn:btih:' with an info-hash";
            return _infoHash is not { } infoHash ? null : new MagnetLink
            {
                InfoHash = infoHash,
                Name = _name,
                Length = _length,
                Trackers = _trackers,
                WebSeeds = _webSeeds,
                Peers = _peers,
                Files = _files,
                MayUseDht = _mayUseDht,
            };
        }

        private string? AddTopic(string value)
        {
            const string Version1 = "urn:btih:";
            _hasVersion2 |= value.StartsWith("urn:btmh:", StringComparison.OrdinalIgnoreCase);
            if (!value.StartsWith(Version1, StringComparison.OrdinalIgnoreCase))
            {
                return null;
            }

            var text = value[Version1.Length..];
            if (!InfoHash.TryParse(text, out var infoHash))
            {
                return $"the magnet link's info-hash is neither 40 hexadecimal digits nor 32 of base32: {SafePath.ForDisplay(text)}";
            }

            if (_infoHash is { } other && other != infoHash)
            {
                return "the magnet link names two different info-hashes";
            }

            _infoHash = infoHash;
            return null;
        }

        private static string? AddUrl(List<string> urls, string key, string value)
        {
            if (value.Length > 0)
            {
                if (!MetainfoReader.IsPlausibleUrl(value))
                {
                    return $"the magnet link's '{key}' is no URL: {SafePath.ForDisplay(value)}";
                }

                urls.Add(value);
            }

            return null;
        }

        private string? AddPeer(string value)
        {
            if (!MagnetPeer.TryParse(value, out var peer))
            {
                return $"the magnet link's 'x.pe' is not host:port: {SafePath.ForDisplay(value)}";
            }

            _peers.Add(peer);
            return null;
        }

        private string? AddFiles(string value)
        {
            foreach (var part in value.Split(','))
            {
                if (!FileRange.TryParse(part, out var files))
                {
                    return $"the magnet link's 'so' is not a list of files by number, as in 0,2,4-6: {SafePath.ForDisplay(value)}";
                }

                _files.Add(files);
            }

            return null;
        }

        private string? SetMayUseDht(string value)
        {
            _mayUseDht &= !value.Equals("off", StringComparison.OrdinalIgnoreCase);
            return null;
        }

        private string? SetLength(string value)
        {
            if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var length))
            {
                return $"the magnet link's 'xl' is not a length in bytes: {SafePath.ForDisplay(value)}";
            }

            _length = length;
            return null;
        }

        private string? SetName(string value)
        {
            _name ??= string.Concat(value.Select(character => char.IsControl(character) ? '\uFFFD' : character));
            return null;
        }

        // "tr.1" is another way to write a repeated "tr".
        private static string WithoutNumber(string key)
        {
            var dot = key.IndexOf('.');
            return dot > 0 && dot + 1 < key.Length && key.AsSpan(dot + 1).IndexOfAnyExceptInRange('0', '9') < 0 ? key[..dot] : key;
        }

        // Strict: a '%' that is not followed by two hexadecimal digits is an error, where Uri would keep it.
        private static bool TryUnescape(string escaped, out string value)
        {
            value = escaped;
            if (!escaped.Contains('%'))
            {
                return true;
            }

            var source = Encoding.UTF8.GetBytes(escaped);
            var bytes = new byte[source.Length];
            var length = 0;
            for (var i = 0; i < source.Length; i++)
            {
                bytes[length] = source[i];
                if (source[i] == '%')
                {
                    if (i + 2 >= source.Length ||
                        !byte.TryParse(source.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[length]))
                    {
                        return false;
                    }

                    i += 2;
                }

                length++;
            }

            value = Encoding.UTF8.GetString(bytes, 0, length);
            return true;
        }
    }
}
