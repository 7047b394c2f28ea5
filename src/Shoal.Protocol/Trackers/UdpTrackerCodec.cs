using System.Buffers.Binary;
using System.Text;

namespace Shoal.Protocol.Trackers;

/// <summary>The kinds of UDP tracker packets (BEP 15).</summary>
public enum UdpTrackerAction
{
    /// <summary>Get a connection id.</summary>
    Connect = 0,

    /// <summary>Announce.</summary>
    Announce = 1,

    /// <summary>Scrape.</summary>
    Scrape = 2,

    /// <summary>An answer that is an error text.</summary>
    Error = 3,
}

/// <summary>
/// The UDP tracker protocol, both ways (BEP 15): fixed layouts in network order, and behind an announce its URL's path and query (BEP 41). Writers
/// return the length they wrote; readers return false for a packet that is too short or of another kind. Other trailing bytes are ignored.
/// Nothing allocates but what makes a reply object for a client.
/// </summary>
public static class UdpTrackerCodec
{
    /// <summary>The connection id of a connect request.</summary>
    public const ulong ProtocolId = 0x41727101980;

    /// <summary>Length of a connect request and of its answer.</summary>
    public const int ConnectLength = 16;

    /// <summary>Length of an announce request, without options.</summary>
    public const int AnnounceRequestLength = 98;

    /// <summary>The longest path and query of an announce URL, in bytes, that is written or read; a longer one is left out.</summary>
    public const int MaximumUrlDataLength = 1000;

    private const byte EndOfOptions = 0;
    private const byte NoOption = 1;
    private const byte UrlDataOption = 2;

    /// <summary>Length of an announce answer before its peers.</summary>
    public const int AnnounceReplyLength = 20;

    /// <summary>The most info-hashes in one scrape.</summary>
    public const int MaximumScrapeCount = 74;

    /// <summary>The longest packet that we read: an announce answer of a generous tracker with IPv6 peers.</summary>
    public const int MaximumPacketLength = 8192;

    /// <summary>Bytes in one request's header, and in a scrape request before its info-hashes.</summary>
    public const int HeaderLength = 16;

    /// <summary>Reads connection id, action and transaction id of any request.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> packet, out ulong connectionId, out UdpTrackerAction action, out uint transactionId)
    {
        if (packet.Length < HeaderLength)
        {
            (connectionId, action, transactionId) = (0, UdpTrackerAction.Error, 0);
            return false;
        }

        connectionId = BinaryPrimitives.ReadUInt64BigEndian(packet);
        action = (UdpTrackerAction)BinaryPrimitives.ReadInt32BigEndian(packet[8..]);
        transactionId = BinaryPrimitives.ReadUInt32BigEndian(packet[12..]);
        return true;
    }

    /// <summary>Writes a connect request.</summary>
    public static int WriteConnectRequest(Span<byte> packet, uint transactionId) =>
        WriteRequestHeader(packet, ProtocolId, UdpTrackerAction.Connect, transactionId);

    /// <summary>Writes the answer to a connect request.</summary>
    public static int WriteConnectReply(Span<byte> packet, uint transactionId, ulong connectionId)
    {
        WriteReplyHeader(packet, UdpTrackerAction.Connect, transactionId);
        BinaryPrimitives.WriteUInt64BigEndian(packet[8..], connectionId);
        return ConnectLength;
    }

    /// <summary>
    /// Writes an announce request, and behind it path and query of the tracker's URL if there are any, in pieces of 255 bytes (BEP 41). An IPv6 address has
    /// no room in it and is left out.
    /// </summary>
    public static int WriteAnnounceRequest(
        Span<byte> packet, ulong connectionId, uint transactionId, in AnnounceRequest request, ReadOnlySpan<byte> urlData = default)
    {
        WriteRequestHeader(packet, connectionId, UdpTrackerAction.Announce, transactionId);
        request.InfoHash.WriteTo(packet[16..]);
        request.PeerId.WriteTo(packet[36..]);
        BinaryPrimitives.WriteInt64BigEndian(packet[56..], request.Downloaded);
        BinaryPrimitives.WriteInt64BigEndian(packet[64..], request.Left);
        BinaryPrimitives.WriteInt64BigEndian(packet[72..], request.Uploaded);
        BinaryPrimitives.WriteInt32BigEndian(packet[80..], (int)request.Event);
        packet[84..88].Clear();
        if (request.Address.Kind == PeerAddressKind.IPv4)
        {
            request.Address.WriteAddress(packet[84..]);
        }

        BinaryPrimitives.WriteUInt32BigEndian(packet[88..], request.Key);
        BinaryPrimitives.WriteInt32BigEndian(packet[92..], request.WantedPeerCount);
        BinaryPrimitives.WriteUInt16BigEndian(packet[96..], request.Port);
        var length = AnnounceRequestLength;
        for (urlData = urlData.Length <= MaximumUrlDataLength ? urlData : default; !urlData.IsEmpty;)
        {
            var part = urlData[..Math.Min(urlData.Length, byte.MaxValue)];
            (packet[length], packet[length + 1]) = (UrlDataOption, (byte)part.Length);
            part.CopyTo(packet[(length + 2)..]);
            length += 2 + part.Length;
            urlData = urlData[part.Length..];
        }

        return length;
    }

    /// <summary>
    /// Copies path and query of the URL that an announce request was sent for (BEP 41) and returns their length; 0 if it does not say, they are longer than
    /// <paramref name="urlData"/>, or the options are cut off.
    /// </summary>
    public static int ReadUrlData(ReadOnlySpan<byte> packet, Span<byte> urlData)
    {
        var length = 0;
        for (var at = AnnounceRequestLength; at < packet.Length && packet[at] != EndOfOptions;)
        {
            if (packet[at] == NoOption)
            {
                at++;
                continue;
            }

            if (at + 2 > packet.Length || at + 2 + packet[at + 1] > packet.Length)
            {
                return 0;
            }

            var option = packet[at];
            var data = packet.Slice(at + 2, packet[at + 1]);
            at += 2 + data.Length;
            if (option != UrlDataOption)
            {
                continue; // of a kind that we do not know
            }

            if (!data.TryCopyTo(urlData[length..]))
            {
                return 0;
            }

            length += data.Length;
        }

        return length;
    }

    /// <summary>
    /// Reads an announce request, whose header was read before. The address in it is the one that the client claims
    /// (none, as a rule): whether to believe it is the server's choice.
    /// </summary>
    public static bool TryReadAnnounceRequest(ReadOnlySpan<byte> packet, out AnnounceRequest request)
    {
        if (packet.Length < AnnounceRequestLength)
        {
            request = default;
            return false;
        }

        var announceEvent = BinaryPrimitives.ReadInt32BigEndian(packet[80..]);
        var claimed = packet[84..88];
        var port = BinaryPrimitives.ReadUInt16BigEndian(packet[96..]);
        request = new AnnounceRequest(
            new InfoHash(packet[16..]),
            new PeerId(packet[36..]),
            port,
            claimed.IndexOfAnyExcept((byte)0) < 0 ? default : PeerAddress.FromBytes(claimed, port),
            Uploaded: BinaryPrimitives.ReadInt64BigEndian(packet[72..]),
            Downloaded: BinaryPrimitives.ReadInt64BigEndian(packet[56..]),
            Left: BinaryPrimitives.ReadInt64BigEndian(packet[64..]),
            Event: (uint)announceEvent <= 3 ? (AnnounceEvent)announceEvent : AnnounceEvent.None,
            WantedPeerCount: Math.Max(-1, BinaryPrimitives.ReadInt32BigEndian(packet[92..])),
            Key: BinaryPrimitives.ReadUInt32BigEndian(packet[88..]));
        return true;
    }

    /// <summary>Writes the head of an announce answer; compact peers follow it.</summary>
    public static int WriteAnnounceReply(Span<byte> packet, uint transactionId, int intervalSeconds, int leecherCount, int seederCount)
    {
        WriteReplyHeader(packet, UdpTrackerAction.Announce, transactionId);
        BinaryPrimitives.WriteInt32BigEndian(packet[8..], intervalSeconds);
        BinaryPrimitives.WriteInt32BigEndian(packet[12..], leecherCount);
        BinaryPrimitives.WriteInt32BigEndian(packet[16..], seederCount);
        return AnnounceReplyLength;
    }

    /// <summary>Writes a scrape request.</summary>
    /// <exception cref="ArgumentException">There are none, or more than <see cref="MaximumScrapeCount"/>.</exception>
    public static int WriteScrapeRequest(Span<byte> packet, ulong connectionId, uint transactionId, ReadOnlySpan<InfoHash> infoHashes)
    {
        if (infoHashes.Length is 0 or > MaximumScrapeCount)
        {
            throw new ArgumentException($"a scrape asks for 1 to {MaximumScrapeCount} info-hashes, not {infoHashes.Length}", nameof(infoHashes));
        }

        var length = WriteRequestHeader(packet, connectionId, UdpTrackerAction.Scrape, transactionId);
        foreach (var infoHash in infoHashes)
        {
            infoHash.WriteTo(packet[length..]);
            length += InfoHash.Length;
        }

        return length;
    }

    /// <summary>How many info-hashes a scrape request has; read them by <see cref="ScrapeHashAt"/>.</summary>
    public static int ScrapeCountOf(ReadOnlySpan<byte> packet) =>
        Math.Min(MaximumScrapeCount, Math.Max(0, packet.Length - HeaderLength) / InfoHash.Length);

    /// <summary>The <paramref name="index"/>-th info-hash of a scrape request.</summary>
    public static InfoHash ScrapeHashAt(ReadOnlySpan<byte> packet, int index) =>
        new(packet[(HeaderLength + (index * InfoHash.Length))..]);

    /// <summary>Writes the head of a scrape answer: 8 bytes. <see cref="WriteScrapeCounts"/> appends to it.</summary>
    public static int WriteScrapeReply(Span<byte> packet, uint transactionId) =>
        WriteReplyHeader(packet, UdpTrackerAction.Scrape, transactionId);

    /// <summary>Writes one swarm's counts: 12 bytes.</summary>
    public static int WriteScrapeCounts(Span<byte> destination, SwarmCounts counts)
    {
        BinaryPrimitives.WriteInt32BigEndian(destination, counts.SeederCount);
        BinaryPrimitives.WriteInt32BigEndian(destination[4..], counts.DownloadCount);
        BinaryPrimitives.WriteInt32BigEndian(destination[8..], counts.LeecherCount);
        return 12;
    }

    /// <summary>Writes an error; the text must fit.</summary>
    public static int WriteError(Span<byte> packet, uint transactionId, ReadOnlySpan<char> text)
    {
        WriteReplyHeader(packet, UdpTrackerAction.Error, transactionId);
        return 8 + Encoding.UTF8.GetBytes(text, packet[8..]);
    }

    /// <summary>Reads action and transaction id of any answer.</summary>
    public static bool TryReadReplyHeader(ReadOnlySpan<byte> packet, out UdpTrackerAction action, out uint transactionId)
    {
        if (packet.Length < 8)
        {
            (action, transactionId) = (UdpTrackerAction.Error, 0);
            return false;
        }

        action = (UdpTrackerAction)BinaryPrimitives.ReadInt32BigEndian(packet);
        transactionId = BinaryPrimitives.ReadUInt32BigEndian(packet[4..]);
        return true;
    }

    /// <summary>Reads the answer to a connect request.</summary>
    public static bool TryReadConnectReply(ReadOnlySpan<byte> packet, out ulong connectionId)
    {
        var whole = packet.Length >= ConnectLength && (UdpTrackerAction)BinaryPrimitives.ReadInt32BigEndian(packet) == UdpTrackerAction.Connect;
        connectionId = whole ? BinaryPrimitives.ReadUInt64BigEndian(packet[8..]) : 0;
        return whole;
    }

    /// <summary>
    /// Reads the answer to an announce; false if it is none. The peers have the family of the packet's transport.
    /// A cut-off last peer is ignored.
    /// </summary>
    public static bool TryReadAnnounceReply(ReadOnlySpan<byte> packet, bool isIPv6, out AnnounceReply reply)
    {
        if (packet.Length < AnnounceReplyLength || (UdpTrackerAction)BinaryPrimitives.ReadInt32BigEndian(packet) != UdpTrackerAction.Announce)
        {
            reply = AnnounceReply.Failed("the answer to the announce is cut off");
            return false;
        }

        var size = isIPv6 ? PeerAddress.CompactLengthIPv6 : PeerAddress.CompactLengthIPv4;
        var peers = new List<PeerAddress>((packet.Length - AnnounceReplyLength) / size);
        CompactPeers.Read(packet[AnnounceReplyLength..], size, peers);
        reply = new AnnounceReply
        {
            Interval = TimeSpan.FromSeconds(Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(packet[8..]))),
            LeecherCount = Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(packet[12..])),
            SeederCount = Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(packet[16..])),
            Peers = peers,
        };
        return true;
    }

    /// <summary>Reads the answer to a scrape of <paramref name="asked"/>; false if it is none or too short.</summary>
    public static bool TryReadScrapeReply(ReadOnlySpan<byte> packet, ReadOnlySpan<InfoHash> asked, out ScrapeReply reply)
    {
        if (packet.Length < 8 + (12 * asked.Length) || (UdpTrackerAction)BinaryPrimitives.ReadInt32BigEndian(packet) != UdpTrackerAction.Scrape)
        {
            reply = ScrapeReply.Failed("the answer to the scrape is cut off");
            return false;
        }

        var swarms = new Dictionary<InfoHash, SwarmCounts>(asked.Length);
        for (var i = 0; i < asked.Length; i++)
        {
            var counts = packet[(8 + (12 * i))..];
            swarms[asked[i]] = new SwarmCounts(
                Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(counts)),
                LeecherCount: Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(counts[8..])),
                DownloadCount: Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(counts[4..])));
        }

        reply = new ScrapeReply { Swarms = swarms };
        return true;
    }

    /// <summary>Reads the text of an error; false if the packet is none.</summary>
    public static bool TryReadError(ReadOnlySpan<byte> packet, out string text)
    {
        var isError = packet.Length >= 8 && (UdpTrackerAction)BinaryPrimitives.ReadInt32BigEndian(packet) == UdpTrackerAction.Error;
        text = isError ? TrackerText.Printable(packet[8..]) : string.Empty;
        return isError;
    }

    private static int WriteRequestHeader(Span<byte> packet, ulong connectionId, UdpTrackerAction action, uint transactionId)
    {
        BinaryPrimitives.WriteUInt64BigEndian(packet, connectionId);
        BinaryPrimitives.WriteInt32BigEndian(packet[8..], (int)action);
        BinaryPrimitives.WriteUInt32BigEndian(packet[12..], transactionId);
        return HeaderLength;
    }

    private static int WriteReplyHeader(Span<byte> packet, UdpTrackerAction action, uint transactionId)
    {
        BinaryPrimitives.WriteInt32BigEndian(packet, (int)action);
        BinaryPrimitives.WriteUInt32BigEndian(packet[4..], transactionId);
        return 8;
    }
}
