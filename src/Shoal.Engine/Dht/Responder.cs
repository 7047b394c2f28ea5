using System.Buffers.Text;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>
/// Answers queries (BEP 5, 32, 51), within what <see cref="FloodGuard"/> lets through. An answer is one packet of at most some 1,100 bytes, a small
/// one of 300. Not thread-safe.
/// </summary>
internal sealed class Responder(DhtContext context)
{
    /// <summary>Bytes of peers in an answer at most: 50 IPv4 peers, 24 IPv6 peers.</summary>
    private const int MaximumPeerBytes = 520;

    /// <summary>The same in a small answer: 7 IPv4 peers, 3 IPv6 peers.</summary>
    private const int FewPeerBytes = 64;

    /// <summary>Answers; false if there is to be no answer.</summary>
    public bool TryAnswer(PeerAddress from, in KrpcMessage query)
    {
        context.Counts.QueriesReceived++;
        var isKnown = context.Table.Asked(new DhtContact(query.Id, from), context.Now);
        var size = context.Options.IsReadOnly ? AnswerSize.None : context.Guard.Admit(context.Now, from, isKnown);
        if (size == AnswerSize.None)
        {
            context.Counts.QueriesRefused++;
            return false;
        }

        Span<byte> token = stackalloc byte[WriteTokens.Length];
        Span<byte> nodes = stackalloc byte[RoutingTable.BucketSize * DhtContact.CompactLengthIPv4];
        Span<byte> nodes6 = stackalloc byte[RoutingTable.BucketSize * DhtContact.CompactLengthIPv6];
        Span<byte> data = stackalloc byte[(size == AnswerSize.Full ? MaximumPeerBytes : FewPeerBytes) + 2];
        scoped var reply = new KrpcMessage
        {
            Kind = KrpcKind.Reply, Transaction = query.Transaction, Id = context.Self, YourAddress = from,
            Version = DhtContext.Version, SampleIntervalSeconds = -1,
        };
        switch (query.Method)
        {
            case KrpcMethod.FindNode:
                AddNodes(query, size, ref reply, nodes, nodes6);
                break;
            case KrpcMethod.GetPeers:
                AddNodes(query, size, ref reply, nodes, nodes6);
                context.Tokens.Write(token, from, context.Now);
                reply.Token = token;
                reply.Peers = WritePeers(query.Target.ToInfoHash(), data);
                break;
            case KrpcMethod.SampleInfohashes:
                AddNodes(query, size, ref reply, nodes, nodes6);
                reply.Samples = WriteSamples(data, out reply.SampleIntervalSeconds);
                reply.SampleTotal = context.Store.TorrentCount;
                break;
            case KrpcMethod.AnnouncePeer when context.Tokens.IsValid(query.Token, from, context.Now):
                var peer = query.HasImpliedPort ? from : from.WithPort(query.Port);
                context.Store.Add(query.Target.ToInfoHash(), peer, context.Self, context.Now);
                break;
            case KrpcMethod.AnnouncePeer:
                Refuse(ref reply, 203, "bad token"u8);
                break;
            case KrpcMethod.Unknown:
                Refuse(ref reply, 204, "method unknown"u8);
                break;
            default:
                break; // a ping's answer says only who we are
        }

        context.Guard.Spend(context.Now, context.Outbox.Send(from, reply), isKnown);
        return true;
    }

    private void AddNodes(in KrpcMessage query, AnswerSize size, ref KrpcMessage reply, Span<byte> nodes, Span<byte> nodes6)
    {
        var own = context.Options.Family == PeerAddressKind.IPv4 ? KrpcWant.IPv4 : KrpcWant.IPv6;
        var want = query.Want == KrpcWant.Unsaid || size == AnswerSize.Small ? own : query.Want;
        var most = size == AnswerSize.Small ? RoutingTable.BucketSize / 2 : RoutingTable.BucketSize;
        var sibling = context.Sibling;
        var (ipv4, ipv6) = own == KrpcWant.IPv4 ? (context, sibling) : (sibling, context);
        if (want.HasFlag(KrpcWant.IPv4) && ipv4 is not null)
        {
            reply.Nodes = nodes[..WriteNodes(ipv4.Table, query.Target, most, nodes)];
        }

        if (want.HasFlag(KrpcWant.IPv6) && ipv6 is not null)
        {
            reply.Nodes6 = nodes6[..WriteNodes(ipv6.Table, query.Target, most, nodes6)];
        }
    }

    private static int WriteNodes(RoutingTable table, NodeId target, int most, Span<byte> destination)
    {
        Span<DhtContact> nearest = stackalloc DhtContact[most];
        var length = 0;
        foreach (var contact in nearest[..table.Nearest(target, nearest)])
        {
            length += contact.WriteCompact(destination[length..]);
        }

        return length;
    }

    // A bencoded list of compact peers, or nothing.
    private ReadOnlySpan<byte> WritePeers(InfoHash infoHash, Span<byte> destination)
    {
        var size = context.Options.Family == PeerAddressKind.IPv4 ? PeerAddress.CompactLengthIPv4 : PeerAddress.CompactLengthIPv6;
        Span<PeerAddress> peers = stackalloc PeerAddress[50];
        var count = context.Store.Choose(infoHash, peers[..Math.Min(peers.Length, (destination.Length - 2) / (size + 3))]);
        if (count == 0)
        {
            return default;
        }

        destination[0] = (byte)'l';
        var length = 1;
        foreach (var peer in peers[..count])
        {
            Utf8Formatter.TryFormat(size, destination[length..], out var digits);
            destination[length + digits] = (byte)':';
            length += digits + 1;
            length += peer.WriteCompact(destination[length..]);
        }

        destination[length] = (byte)'e';
        return destination[..(length + 1)];
    }

    private ReadOnlySpan<byte> WriteSamples(Span<byte> destination, out int seconds)
    {
        var samples = context.Store.Sample(context.Now, out var until);
        samples = samples[..Math.Min(samples.Length, destination.Length / InfoHash.Length)];
        for (var i = 0; i < samples.Length; i++)
        {
            samples[i].WriteTo(destination[(i * InfoHash.Length)..]);
        }

        seconds = (int)Math.Ceiling(until.TotalSeconds);
        return destination[..(samples.Length * InfoHash.Length)];
    }

    private static void Refuse(ref KrpcMessage reply, int code, ReadOnlySpan<byte> text)
    {
        reply.Kind = KrpcKind.Error;
        reply.ErrorCode = code;
        reply.ErrorText = text;
    }
}
