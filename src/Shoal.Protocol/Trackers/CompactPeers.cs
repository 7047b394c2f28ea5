using System.Text;

namespace Shoal.Protocol.Trackers;

/// <summary>Lists of compact peers: 6 bytes each for IPv4 (BEP 23), 18 for IPv6 (BEP 7).</summary>
public static class CompactPeers
{
    /// <summary>
    /// Appends the peers of the list that could be reached; port 0 and the unspecified address are left out, and so is
    /// a cut-off last one.
    /// </summary>
    public static void Read(ReadOnlySpan<byte> bytes, int size, List<PeerAddress> peers)
    {
        for (; bytes.Length >= size; bytes = bytes[size..])
        {
            var peer = PeerAddress.ReadCompact(bytes[..size]);
            if (!peer.IsUnreachable)
            {
                peers.Add(peer);
            }
        }
    }
}

/// <summary>Text that a remote sent, made fit for a terminal and a log.</summary>
internal static class TrackerText
{
    private const int MaximumLength = 300;

    /// <summary>One line of at most 300 characters, control characters replaced.</summary>
    public static string Printable(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, MaximumLength)]);
        return string.Create(text.Length, text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        }).TrimEnd();
    }
}
