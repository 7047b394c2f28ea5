using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Shoal.Protocol.Trackers;

/// <summary>
/// The query strings of an HTTP tracker, both ways (BEP 3, 7, 23, 48), from and to raw bytes. Reading allocates nothing.
/// Unknown parameters are ignored; of one given twice the last counts; bytes may be percent-encoded or stand as they are.
/// </summary>
public static class HttpTrackerQuery
{
    /// <summary>The longest query that we read, in bytes. 74 info-hashes, every byte encoded, fit.</summary>
    public const int MaximumLength = 8192;

    private static readonly SearchValues<byte> Unreserved = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"u8);

    /// <summary>Appends the announce's query to a tracker's URL, with "?" or "&amp;" as it needs.</summary>
    public static string AppendAnnounce(string url, in AnnounceRequest request)
    {
        Span<byte> bytes = stackalloc byte[20];
        var text = new StringBuilder(url, url.Length + 320);
        request.InfoHash.WriteTo(bytes);
        Append(text.Append(url.Contains('?') ? "&info_hash=" : "?info_hash="), bytes);
        request.PeerId.WriteTo(bytes);
        Append(text.Append("&peer_id="), bytes);
        text.Append(CultureInfo.InvariantCulture, $"&port={request.Port}&uploaded={request.Uploaded}&downloaded={request.Downloaded}");

        // Trackers take "left=0" for a seeder; who does not know yet how much is left must not look like one.
        text.Append(CultureInfo.InvariantCulture, $"&left={(request.Left < 0 ? 16384 : request.Left)}&compact={(request.IsCompact ? 1 : 0)}&key={request.Key:X8}");
        text.Append(request.OmitsPeerId ? "&no_peer_id=1" : string.Empty);
        text.Append(request.Event switch
        {
            AnnounceEvent.Started => "&event=started",
            AnnounceEvent.Completed => "&event=completed",
            AnnounceEvent.Stopped => "&event=stopped",
            _ => string.Empty,
        });
        if (request.WantedPeerCount >= 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"&numwant={request.WantedPeerCount}");
        }

        if (request.Address.Kind is PeerAddressKind.IPv4 or PeerAddressKind.IPv6)
        {
            Append(text.Append("&ip="), Encoding.ASCII.GetBytes(request.Address.ToIPAddress().ToString()));
        }

        if (request.TrackerId is not null)
        {
            Append(text.Append("&trackerid="), Encoding.UTF8.GetBytes(request.TrackerId));
        }

        return text.ToString();
    }

    /// <summary>
    /// The URL of a scrape for these swarms, or null if the tracker has none: by convention the last part of the
    /// path must begin with "announce", which becomes "scrape" (BEP 48).
    /// </summary>
    public static string? TryMakeScrapeUrl(string announceUrl, ReadOnlySpan<InfoHash> infoHashes)
    {
        var queryAt = announceUrl.IndexOf('?');
        var path = queryAt < 0 ? announceUrl : announceUrl[..queryAt];
        var slash = path.LastIndexOf('/');
        if (slash < 0 || !path.AsSpan(slash + 1).StartsWith("announce"))
        {
            return null;
        }

        var text = new StringBuilder(path, 0, slash + 1, announceUrl.Length + (70 * infoHashes.Length));
        text.Append("scrape").Append(announceUrl, slash + 9, announceUrl.Length - slash - 9);
        var separator = queryAt < 0 ? '?' : '&';
        Span<byte> bytes = stackalloc byte[InfoHash.Length];
        foreach (var infoHash in infoHashes)
        {
            infoHash.WriteTo(bytes);
            Append(text.Append(separator).Append("info_hash="), bytes);
            separator = '&';
        }

        return text.ToString();
    }

    /// <summary>
    /// Reads an announce's query (what follows "?"). The address in the request is the one that the client claims in
    /// "ip" (none, as a rule): whether to believe it is the server's choice.
    /// </summary>
    /// <param name="query">The raw bytes.</param>
    /// <param name="request">The announce.</param>
    /// <param name="failure">What to tell the client if it is none; null otherwise.</param>
    public static bool TryReadAnnounce(ReadOnlySpan<byte> query, out AnnounceRequest request, out string? failure)
    {
        var parts = new AnnounceParts { Left = long.MaxValue, Wanted = -1, IsCompact = true };
        failure = null;
        foreach (var range in new Parameters(query))
        {
            var parameter = query[range];
            var equals = parameter.IndexOf((byte)'=');
            if (equals > 0 && !Take(ref parts, parameter[..equals], parameter[(equals + 1)..], out failure))
            {
                request = default;
                return false;
            }
        }

        request = new AnnounceRequest(
            parts.InfoHash, parts.PeerId, parts.Port, parts.Address.WithPort(parts.Port), parts.Uploaded, parts.Downloaded,
            parts.Left, parts.Event, parts.Wanted, parts.Key, parts.IsCompact, parts.OmitsPeerId);
        failure = !parts.HasInfoHash ? "info_hash is missing"
            : !parts.HasPeerId ? "peer_id is missing"
            : !parts.HasPort ? "port is missing"
            : null;
        return failure is null;
    }

    /// <summary>
    /// Reads the next info-hash of a scrape's query and cuts the query behind it; false at its end. An info-hash that
    /// is not 20 bytes is passed over.
    /// </summary>
    public static bool TryReadNextScrapeHash(ref ReadOnlySpan<byte> query, out InfoHash infoHash)
    {
        Span<byte> bytes = stackalloc byte[InfoHash.Length];
        while (!query.IsEmpty)
        {
            var end = query.IndexOf((byte)'&');
            var parameter = end < 0 ? query : query[..end];
            query = end < 0 ? default : query[(end + 1)..];
            if (parameter.StartsWith("info_hash="u8) && TryDecode(parameter[10..], bytes, out var length) && length == InfoHash.Length)
            {
                infoHash = new InfoHash(bytes);
                return true;
            }
        }

        infoHash = default;
        return false;
    }

    private static bool Take(ref AnnounceParts parts, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out string? failure)
    {
        failure = null;
        if (name.SequenceEqual("info_hash"u8) || name.SequenceEqual("peer_id"u8))
        {
            return TakeName(ref parts, name[0] == 'i', value, out failure);
        }

        if (name.SequenceEqual("port"u8))
        {
            parts.HasPort = TryNumber(value, out var port) && port is > 0 and <= ushort.MaxValue;
            parts.Port = parts.HasPort ? (ushort)port : (ushort)0;
            failure = parts.HasPort ? null : "port must be a number from 1 to 65535";
        }
        else if (name.SequenceEqual("left"u8))
        {
            failure = TryNumber(value, out parts.Left) ? null : "left must be a number";
        }
        else if (name.SequenceEqual("event"u8))
        {
            parts.Event = value.SequenceEqual("started"u8) ? AnnounceEvent.Started
                : value.SequenceEqual("completed"u8) ? AnnounceEvent.Completed
                : value.SequenceEqual("stopped"u8) ? AnnounceEvent.Stopped
                : AnnounceEvent.None;
        }
        else
        {
            TakeOptional(ref parts, name, value);
        }

        return failure is null;
    }

    // What the field sends in many shapes, and what nothing depends on: a bad value counts as not given.
    private static void TakeOptional(ref AnnounceParts parts, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual("numwant"u8) && TryNumber(value, out var wanted))
        {
            parts.Wanted = (int)Math.Min(int.MaxValue, wanted);
        }
        else if (name.SequenceEqual("compact"u8))
        {
            parts.IsCompact = !value.SequenceEqual("0"u8);
        }
        else if (name.SequenceEqual("no_peer_id"u8))
        {
            parts.OmitsPeerId = value.SequenceEqual("1"u8);
        }
        else if (name.SequenceEqual("uploaded"u8))
        {
            TryNumber(value, out parts.Uploaded);
        }
        else if (name.SequenceEqual("downloaded"u8))
        {
            TryNumber(value, out parts.Downloaded);
        }
        else if (name.SequenceEqual("key"u8))
        {
            parts.Key = Utf8Parser.TryParse(value, out uint key, out var used, 'X') && used == value.Length ? key : 0;
        }
        else if (name.SequenceEqual("ip"u8))
        {
            parts.Address = IpText.Parse(value);
        }
    }

    private static bool TakeName(ref AnnounceParts parts, bool isInfoHash, ReadOnlySpan<byte> value, out string? failure)
    {
        Span<byte> bytes = stackalloc byte[20];
        if (!TryDecode(value, bytes, out var length) || length != 20)
        {
            failure = isInfoHash ? "info_hash must be 20 bytes" : "peer_id must be 20 bytes";
            return false;
        }

        failure = null;
        if (isInfoHash)
        {
            (parts.InfoHash, parts.HasInfoHash) = (new InfoHash(bytes), true);
        }
        else
        {
            (parts.PeerId, parts.HasPeerId) = (new PeerId(bytes), true);
        }

        return true;
    }

    private static bool TryNumber(ReadOnlySpan<byte> value, out long number) =>
        Utf8Parser.TryParse(value, out number, out var used) && used == value.Length && number >= 0;

    /// <summary>Decodes %xx; false if it does not fit or an escape is broken.</summary>
    internal static bool TryDecode(ReadOnlySpan<byte> value, Span<byte> destination, out int length)
    {
        length = 0;
        for (var i = 0; i < value.Length; i++)
        {
            if (length == destination.Length)
            {
                return false;
            }

            var digit = value[i];
            if (digit == '%')
            {
                var high = i + 2 < value.Length ? HexDigit(value[i + 1]) : -1;
                var low = high >= 0 ? HexDigit(value[i + 2]) : -1;
                if (low < 0)
                {
                    return false;
                }

                digit = (byte)((high << 4) | low);
                i += 2;
            }

            destination[length++] = digit;
        }

        return true;
    }

    private static int HexDigit(byte digit) => digit switch
    {
        >= (byte)'0' and <= (byte)'9' => digit - '0',
        >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
        _ => -1,
    };

    private static void Append(StringBuilder text, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (Unreserved.Contains(value))
            {
                text.Append((char)value);
            }
            else
            {
                text.Append('%').Append(value.ToString("X2", CultureInfo.InvariantCulture));
            }
        }
    }

    private struct AnnounceParts
    {
        public InfoHash InfoHash;
        public PeerId PeerId;
        public PeerAddress Address;
        public long Uploaded;
        public long Downloaded;
        public long Left;
        public int Wanted;
        public uint Key;
        public ushort Port;
        public AnnounceEvent Event;
        public bool IsCompact;
        public bool OmitsPeerId;
        public bool HasInfoHash;
        public bool HasPeerId;
        public bool HasPort;
    }

    /// <summary>Walks the parts between "&amp;", as ranges: a ref struct cannot be an enumerator's element on the heap.</summary>
    private ref struct Parameters(ReadOnlySpan<byte> query)
    {
        private readonly ReadOnlySpan<byte> _query = query;
        private int _next;

        public Range Current { get; private set; }

        public readonly Parameters GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_next > _query.Length)
            {
                return false;
            }

            var length = _query[_next..].IndexOf((byte)'&');
            var end = length < 0 ? _query.Length : _next + length;
            Current = _next..end;
            _next = end + 1;
            return true;
        }
    }
}
