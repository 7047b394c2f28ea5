using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Trackers;

/// <summary>
/// The bencoded answers of an HTTP tracker, reading side (BEP 3, 7, 23, 24, 31, 48). Strict bencode but for the order
/// of keys, which some trackers get wrong; unknown keys are skipped. What cannot be read is a failure that says where.
/// </summary>
public static class HttpTrackerReplyReader
{
    /// <summary>The longest answer that we take, in bytes.</summary>
    public const int MaximumLength = 1024 * 1024;

    /// <summary>The most peers that we take from one answer.</summary>
    public const int MaximumPeerCount = 10_000;

    private const long MaximumIntervalSeconds = 7 * 24 * 3600;

    private static readonly BencodeOptions Options = BencodeOptions.UnsortedKeys with { MaximumDepth = 8 };

    /// <summary>Reads the answer to an announce.</summary>
    public static AnnounceReply ReadAnnounce(ReadOnlySpan<byte> bytes)
    {
        if (NotBencode(bytes) is { } what)
        {
            return AnnounceReply.Failed(what);
        }

        var reader = new BencodeReader(bytes, Options);
        var parts = new AnnounceParts();
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            ReadAnnounceValue(ref reader, key, ref parts);
        }

        if (reader.Failed)
        {
            return AnnounceReply.Failed($"answered with broken bencode: {reader.Error}");
        }

        if (parts.Failure is not null)
        {
            return AnnounceReply.Failed(parts.Failure, parts.RetryAfter is { } retry && retry != TimeSpan.MaxValue, parts.RetryAfter);
        }

        if (parts.Interval is null && parts.Peers is null)
        {
            return AnnounceReply.Failed("answered with neither peers nor an interval");
        }

        return new AnnounceReply
        {
            Interval = parts.Interval ?? TimeSpan.FromMinutes(30),
            MinimumInterval = parts.MinimumInterval,
            SeederCount = parts.SeederCount,
            LeecherCount = parts.LeecherCount,
            Peers = parts.Peers ?? [],
            Warning = parts.Warning,
            TrackerId = parts.TrackerId,
            ExternalAddress = parts.ExternalAddress,
        };
    }

    /// <summary>Reads the answer to a scrape.</summary>
    public static ScrapeReply ReadScrape(ReadOnlySpan<byte> bytes)
    {
        if (NotBencode(bytes) is { } what)
        {
            return ScrapeReply.Failed(what);
        }

        var swarms = new Dictionary<InfoHash, SwarmCounts>();
        string? failure = null;
        var reader = new BencodeReader(bytes, Options);
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            if (key.SequenceEqual("files"u8))
            {
                reader.EnterDictionary();
                while (reader.NextKey(out var name))
                {
                    var counts = ReadCounts(ref reader);
                    if (name.Length == InfoHash.Length)
                    {
                        swarms[new InfoHash(name)] = counts;
                    }
                }
            }
            else if (key.SequenceEqual("failure reason"u8))
            {
                failure = TrackerText.Printable(reader.ReadString());
            }
        }

        return reader.Failed ? ScrapeReply.Failed($"answered with broken bencode: {reader.Error}")
            : failure is not null ? ScrapeReply.Failed(failure)
            : new ScrapeReply { Swarms = swarms };
    }

    // What people see when the URL is wrong is a web page: say so rather than "offset 0".
    private static string? NotBencode(ReadOnlySpan<byte> bytes)
    {
        var text = bytes.TrimStart(" \t\r\n\uFEFF"u8);
        return text.IsEmpty ? "answered with nothing"
            : text[0] == '<' ? "answered with HTML, not bencode"
            : bytes[0] != 'd' ? "answered with something that is not bencode"
            : null;
    }

    private static void ReadAnnounceValue(ref BencodeReader reader, ReadOnlySpan<byte> key, ref AnnounceParts parts)
    {
        if (key.SequenceEqual("failure reason"u8))
        {
            parts.Failure = TrackerText.Printable(reader.ReadString());
        }
        else if (key.SequenceEqual("retry in"u8))
        {
            parts.RetryAfter = ReadRetry(ref reader);
        }
        else if (key.SequenceEqual("warning message"u8))
        {
            parts.Warning = TrackerText.Printable(reader.ReadString());
        }
        else if (key.SequenceEqual("interval"u8))
        {
            parts.Interval = ReadSeconds(ref reader);
        }
        else if (key.SequenceEqual("min interval"u8))
        {
            parts.MinimumInterval = ReadSeconds(ref reader);
        }
        else if (key.SequenceEqual("complete"u8))
        {
            parts.SeederCount = ReadCount(ref reader);
        }
        else if (key.SequenceEqual("incomplete"u8))
        {
            parts.LeecherCount = ReadCount(ref reader);
        }
        else if (key.SequenceEqual("tracker id"u8))
        {
            parts.TrackerId = reader.ReadText();
        }
        else if (key.SequenceEqual("external ip"u8))
        {
            var address = reader.ReadString();
            parts.ExternalAddress = address.Length is 4 or 16 ? PeerAddress.FromBytes(address, 0) : default;
        }
        else if (key.SequenceEqual("peers"u8) || key.SequenceEqual("peers6"u8))
        {
            ReadPeers(ref reader, key.Length == 6 ? PeerAddress.CompactLengthIPv6 : PeerAddress.CompactLengthIPv4, parts.Peers ??= []);
        }
    }

    private static void ReadPeers(ref BencodeReader reader, int size, List<PeerAddress> peers)
    {
        if (reader.Peek() == BencodeKind.String)
        {
            var at = reader.Offset;
            var bytes = reader.ReadString();
            if (bytes.Length % size != 0)
            {
                reader.FailAt(at, $"a list of peers of {bytes.Length} bytes, which {size} does not divide");
                return;
            }

            CompactPeers.Read(bytes[..Math.Min(bytes.Length, MaximumPeerCount * size)], size, peers);
            return;
        }

        reader.EnterList();
        while (reader.NextItem())
        {
            if (ReadPeer(ref reader) is { IsUnreachable: false, Kind: not PeerAddressKind.None } peer && peers.Count < MaximumPeerCount)
            {
                peers.Add(peer);
            }
        }
    }

    // A peer that is a name (BEP 3 allows it) is left out: a tracker must not make us look up names.
    private static PeerAddress ReadPeer(ref BencodeReader reader)
    {
        var address = default(PeerAddress);
        long port = 0;
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            if (key.SequenceEqual("ip"u8))
            {
                address = IpText.Parse(reader.ReadString());
            }
            else if (key.SequenceEqual("port"u8))
            {
                port = reader.ReadInteger();
            }
        }

        return address.Kind == PeerAddressKind.None || port is <= 0 or > ushort.MaxValue ? default : address.WithPort((ushort)port);
    }

    private static SwarmCounts ReadCounts(ref BencodeReader reader)
    {
        var (seeders, leechers, downloads) = (0, 0, 0);
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            if (key.SequenceEqual("complete"u8))
            {
                seeders = ReadCount(ref reader);
            }
            else if (key.SequenceEqual("incomplete"u8))
            {
                leechers = ReadCount(ref reader);
            }
            else if (key.SequenceEqual("downloaded"u8))
            {
                downloads = ReadCount(ref reader);
            }
        }

        return new SwarmCounts(seeders, leechers, downloads);
    }

    private static int ReadCount(ref BencodeReader reader) => (int)Math.Clamp(reader.ReadInteger(), 0, int.MaxValue);

    private static TimeSpan ReadSeconds(ref BencodeReader reader) =>
        TimeSpan.FromSeconds(Math.Clamp(reader.ReadInteger(), 0, MaximumIntervalSeconds));

    // BEP 31: minutes, or "never"; in the field minutes also come as a string.
    private static TimeSpan? ReadRetry(ref BencodeReader reader)
    {
        if (reader.Peek() == BencodeKind.Integer)
        {
            return TimeSpan.FromMinutes(Math.Clamp(reader.ReadInteger(), 0, MaximumIntervalSeconds / 60));
        }

        var text = reader.ReadString();
        return text.SequenceEqual("never"u8) ? TimeSpan.MaxValue
            : uint.TryParse(text, out var minutes) ? TimeSpan.FromMinutes(Math.Min(minutes, MaximumIntervalSeconds / 60))
            : null;
    }

    private struct AnnounceParts
    {
        public string? Failure;
        public TimeSpan? RetryAfter;
        public string? Warning;
        public TimeSpan? Interval;
        public TimeSpan? MinimumInterval;
        public int? SeederCount;
        public int? LeecherCount;
        public string? TrackerId;
        public PeerAddress ExternalAddress;
        public List<PeerAddress>? Peers;
    }
}
