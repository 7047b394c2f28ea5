using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Shoal.Protocol.Trackers;

/// <summary>
/// The bencoded answers of an HTTP tracker, writing side (BEP 3, 7, 23, 24, 31, 48). Keys are sorted. Writes straight
/// into a buffer and allocates nothing; the reading side is <see cref="HttpTrackerReplyReader"/>.
/// </summary>
public static class HttpTrackerReply
{
    /// <summary>Bytes of an announce's answer at most, apart from its peers.</summary>
    public const int MaximumHeadLength = 400;

    /// <summary>Bytes of one peer in an announce's answer at most: an IPv6 peer as a dictionary.</summary>
    public const int MaximumPeerLength = 72;

    /// <summary>Bytes of one swarm in a scrape's answer, at most.</summary>
    public const int MaximumScrapeEntryLength = 110;

    /// <summary>
    /// Writes the answer to an announce and returns its length. <paramref name="peers"/> are compact peers as the core
    /// gave them; <paramref name="external"/> is where the peer was seen (BEP 24), or none.
    /// </summary>
    public static int WriteAnnounce(Span<byte> destination, in AnnounceAnswer answer, ReadOnlySpan<byte> peers, bool isCompact, PeerAddress external)
    {
        if (answer.Failure is not null)
        {
            return WriteFailure(destination, answer.Failure, answer.RetryMinutes);
        }

        var output = new Output(destination);
        output.Raw("d8:complete"u8);
        output.Integer(answer.SeederCount);
        output.Raw("10:downloaded"u8);
        output.Integer(answer.DownloadCount);
        WriteExternalAddress(ref output, external);
        output.Raw("10:incomplete"u8);
        output.Integer(answer.LeecherCount);
        output.Raw("8:interval"u8);
        output.Integer(answer.IntervalSeconds);
        output.Raw("12:min interval"u8);
        output.Integer(answer.MinimumIntervalSeconds);
        var list = peers[..answer.PeerBytes];
        if (!isCompact)
        {
            WritePeerDictionaries(ref output, list, answer.PeerLength);
        }
        else if (answer.PeerKind == PeerAddressKind.IPv6)
        {
            output.Raw("5:peers0:6:peers6"u8);
            output.String(list);
        }
        else
        {
            output.Raw("5:peers"u8);
            output.String(list);
        }

        output.Raw("e"u8);
        return output.Length;
    }

    /// <summary>Writes a refusal, with when to try again (BEP 31): 0 for never, -1 for nothing said.</summary>
    public static int WriteFailure(Span<byte> destination, ReadOnlySpan<char> text, int retryMinutes = -1)
    {
        var output = new Output(destination);
        output.Raw("d14:failure reason"u8);
        output.Text(text);
        if (retryMinutes == 0)
        {
            output.Raw("8:retry in5:never"u8);
        }
        else if (retryMinutes > 0)
        {
            output.Raw("8:retry in"u8);
            output.Integer(retryMinutes);
        }

        output.Raw("e"u8);
        return output.Length;
    }

    /// <summary>Begins a scrape's answer; then <see cref="WriteScrapeEntry"/> for each swarm, in order of the info-hashes; then <see cref="WriteScrapeEnd"/>.</summary>
    public static int WriteScrapeStart(Span<byte> destination) => Copy("d5:filesd"u8, destination);

    /// <summary>Writes one swarm.</summary>
    public static int WriteScrapeEntry(Span<byte> destination, InfoHash infoHash, SwarmCounts counts)
    {
        Span<byte> bytes = stackalloc byte[InfoHash.Length];
        infoHash.WriteTo(bytes);
        var output = new Output(destination);
        output.String(bytes);
        output.Raw("d8:complete"u8);
        output.Integer(counts.SeederCount);
        output.Raw("10:downloaded"u8);
        output.Integer(counts.DownloadCount);
        output.Raw("10:incomplete"u8);
        output.Integer(counts.LeecherCount);
        output.Raw("e"u8);
        return output.Length;
    }

    /// <summary>Ends a scrape's answer.</summary>
    public static int WriteScrapeEnd(Span<byte> destination) => Copy("ee"u8, destination);

    private static int Copy(ReadOnlySpan<byte> bytes, Span<byte> destination)
    {
        bytes.CopyTo(destination);
        return bytes.Length;
    }

    private static void WriteExternalAddress(ref Output output, PeerAddress external)
    {
        if (external.Kind is not (PeerAddressKind.IPv4 or PeerAddressKind.IPv6))
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[16];
        output.Raw("11:external ip"u8);
        output.String(bytes[..external.WriteAddress(bytes)]);
    }

    private static void WritePeerDictionaries(ref Output output, ReadOnlySpan<byte> peers, int size)
    {
        output.Raw("5:peersl"u8);
        Span<byte> text = stackalloc byte[40];
        for (; peers.Length >= size; peers = peers[size..])
        {
            output.Raw("d2:ip"u8);
            output.String(text[..FormatAddress(peers[..(size - 2)], text)]);
            output.Raw("4:port"u8);
            output.Integer(BinaryPrimitives.ReadUInt16BigEndian(peers[(size - 2)..]));
            output.Raw("e"u8);
        }

        output.Raw("e"u8);
    }

    // IPv6 in its plainest form, eight groups of hexadecimal digits: valid, and no rules about the longest run of zeros.
    private static int FormatAddress(ReadOnlySpan<byte> address, Span<byte> text)
    {
        var length = 0;
        for (var i = 0; i < address.Length; i += address.Length == 4 ? 1 : 2)
        {
            if (i > 0)
            {
                text[length++] = (byte)(address.Length == 4 ? '.' : ':');
            }

            var value = address.Length == 4 ? address[i] : BinaryPrimitives.ReadUInt16BigEndian(address[i..]);
            value.TryFormat(text[length..], out var written, address.Length == 4 ? default : "x", CultureInfo.InvariantCulture);
            length += written;
        }

        return length;
    }

    private ref struct Output(Span<byte> destination)
    {
        private readonly Span<byte> _destination = destination;

        public int Length { get; private set; }

        public void Raw(scoped ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_destination[Length..]);
            Length += bytes.Length;
        }

        public void Integer(int value)
        {
            _destination[Length] = (byte)'i';
            Utf8Formatter.TryFormat(value, _destination[(Length + 1)..], out var digits);
            _destination[Length + 1 + digits] = (byte)'e';
            Length += digits + 2;
        }

        public void String(scoped ReadOnlySpan<byte> bytes)
        {
            StringLength(bytes.Length);
            Raw(bytes);
        }

        public void Text(ReadOnlySpan<char> text)
        {
            StringLength(Encoding.UTF8.GetByteCount(text));
            Length += Encoding.UTF8.GetBytes(text, _destination[Length..]);
        }

        private void StringLength(int length)
        {
            Utf8Formatter.TryFormat(length, _destination[Length..], out var digits);
            _destination[Length + digits] = (byte)':';
            Length += digits + 1;
        }
    }
}
