using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Tracker.Metrics;

namespace Shoal.Tracker;

/// <summary>
/// Answers one UDP tracker packet (BEP 15, 41), without a socket. Nothing is answered that has no valid connection id but a
/// connect, whose answer is as long as the question: so the tracker amplifies nothing for whoever forges addresses.
/// Answers fit an Ethernet frame. Thread-safe; allocates nothing.
/// </summary>
internal sealed class UdpResponder(TrackerShards shards, ConnectionIds ids)
{
    /// <summary>The longest answer: no IP fragments on any usual path.</summary>
    public const int MaximumReplyLength = 1432;

    /// <summary>Writes the answer and returns its length; 0 for none.</summary>
    public int Answer(Instant now, ReadOnlySpan<byte> packet, PeerAddress source, Span<byte> reply)
    {
        reply = reply[..Math.Min(reply.Length, MaximumReplyLength)];
        if (!UdpTrackerCodec.TryReadHeader(packet, out var connectionId, out var action, out var transactionId))
        {
            return 0;
        }

        if (action == UdpTrackerAction.Connect)
        {
            return connectionId == UdpTrackerCodec.ProtocolId
                ? UdpTrackerCodec.WriteConnectReply(reply, transactionId, ids.Create(source, now))
                : 0;
        }

        if (!ids.IsValid(connectionId, source, now))
        {
            return 0;
        }

        return action switch
        {
            UdpTrackerAction.Announce => Announce(now, packet, transactionId, source, reply),
            UdpTrackerAction.Scrape => Scrape(now, packet, transactionId, reply),
            _ => UdpTrackerCodec.WriteError(reply, transactionId, "unknown action"),
        };
    }

    private int Announce(Instant now, ReadOnlySpan<byte> packet, uint transactionId, PeerAddress source, Span<byte> reply)
    {
        shards.Traffic.CountAnnounce(TrackerProtocol.Udp);
        if (!UdpTrackerCodec.TryReadAnnounceRequest(packet, out var request))
        {
            shards.Traffic.CountRefusal(TrackerProtocol.Udp, TrackerRefusal.BadRequest);
            return UdpTrackerCodec.WriteError(reply, transactionId, "the announce is cut off");
        }

        // The peers go straight to their place; only then is the head written.
        var announcer = new Announcer(source, PasskeyIn(packet), Announcer.IsLoopback(source));
        var answer = shards.Announce(now, request, announcer, reply[UdpTrackerCodec.AnnounceReplyLength..]);
        if (answer.Failure is not null)
        {
            shards.Traffic.CountRefusal(TrackerProtocol.Udp, answer.Refusal);
            return UdpTrackerCodec.WriteError(reply, transactionId, answer.Failure);
        }

        return UdpTrackerCodec.WriteAnnounceReply(reply, transactionId, answer.IntervalSeconds, answer.LeecherCount, answer.SeederCount) + answer.PeerBytes;
    }

    // Only the front of the URL's path says who asks.
    private static Passkey PasskeyIn(ReadOnlySpan<byte> packet)
    {
        if (packet.Length <= UdpTrackerCodec.AnnounceRequestLength)
        {
            return default;
        }

        Span<byte> urlData = stackalloc byte[UdpTrackerCodec.MaximumUrlDataLength];
        ReadOnlySpan<byte> path = urlData[..UdpTrackerCodec.ReadUrlData(packet, urlData)];
        Passkey.TryTake(ref path, out var passkey);
        return passkey;
    }

    private int Scrape(Instant now, ReadOnlySpan<byte> packet, uint transactionId, Span<byte> reply)
    {
        shards.Traffic.CountScrape(TrackerProtocol.Udp);
        var count = UdpTrackerCodec.ScrapeCountOf(packet);
        if (count == 0)
        {
            shards.Traffic.CountRefusal(TrackerProtocol.Udp, TrackerRefusal.BadRequest);
            return UdpTrackerCodec.WriteError(reply, transactionId, "the scrape names no info-hash");
        }

        var length = UdpTrackerCodec.WriteScrapeReply(reply, transactionId);
        for (var i = 0; i < count; i++)
        {
            length += UdpTrackerCodec.WriteScrapeCounts(
                reply[length..], shards.Scrape(now, UdpTrackerCodec.ScrapeHashAt(packet, i)));
        }

        return length;
    }
}
