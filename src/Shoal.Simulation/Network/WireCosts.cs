namespace Shoal.Simulation.Network;

/// <summary>
/// What TCP over Ethernet costs, in constant shares. Capacities of a scenario are those of the line, as networks are sold and as
/// switches and <c>tc</c> count them; flows share what is left for payload.
/// <para>
/// Of a full frame's 1,514 bytes 1,448 are payload: Ethernet takes 14, IPv4 20, TCP with timestamps 32. For every second segment
/// an acknowledgement of 66 bytes goes back (RFC 1122, 4.2.3.2), and competes with what is uploaded: little where the uplink is as wide as
/// the downlink, a fifth of it where it is ten times narrower. Messages of the peer wire that are no blocks are left out: one
/// request is 17 bytes for 16 KiB.
/// </para>
/// </summary>
internal static class WireCosts
{
    private const int FrameLength = 1514;
    private const int SegmentLength = 1448;
    private const int SegmentsPerAck = 2;
    private const int AckLength = FrameLength - SegmentLength; // a frame without payload

    /// <summary>The part of a line that is left for payload.</summary>
    public const double PayloadShare = (double)SegmentLength / FrameLength;

    /// <summary>What who receives sends back for acknowledgements, as a part of the payload received.</summary>
    public const double AckShare = (double)AckLength / (SegmentsPerAck * FrameLength);

    /// <summary>What a line carries besides headers; no limit stays none.</summary>
    public static long PayloadOf(long lineBytesPerSecond) =>
        lineBytesPerSecond == long.MaxValue ? long.MaxValue : (long)((Int128)lineBytesPerSecond * SegmentLength / FrameLength);

    /// <summary>What payload takes of a line.</summary>
    public static long OnLine(long payloadBytes) => (long)((Int128)payloadBytes * FrameLength / SegmentLength);

    /// <summary>
    /// What who receives so much payload owes its uplink for acknowledgements: the payload that could have been sent in their place.
    /// </summary>
    public static long AcksFor(long payloadBytes) => payloadBytes * AckLength / (SegmentsPerAck * FrameLength);
}
