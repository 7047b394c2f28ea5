using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>
/// One node of the DHT of one family (BEP 5, 32, 42, 43, 51), without I/O: packets and time come in, packets and news go out. After every call
/// poll until <see cref="TryPoll"/> says no; call <see cref="Tick"/> once <see cref="Deadline"/> has come. What others send never makes it throw,
/// or grow beyond <see cref="DhtLimits"/>. Not thread-safe: one owner at a time, and one for two that are paired.
/// </summary>
public sealed class DhtNode
{
    private static readonly TimeSpan LeastIdTime = TimeSpan.FromMinutes(10);

    private readonly DhtContext _context;
    private readonly Responder _responder;
    private readonly Lookups _lookups;
    private readonly Upkeep _upkeep;
    private readonly AddressVotes _votes = new();
    private DhtNode? _sibling;
    private Instant _idUntil;
    private NodeId _formerId; // what we asked ourselves under it may still be answered
    private long _lookupNumber;

    /// <summary>A node that has yet to join; the first <see cref="Tick"/> begins that.</summary>
    public DhtNode(DhtOptions options, Instant now)
    {
        ArgumentNullException.ThrowIfNull(options);
        _context = new DhtContext(options, now);
        _responder = new Responder(_context);
        _lookups = new Lookups(_context);
        _upkeep = new Upkeep(_context, _lookups);
        _lookups.Ended = _upkeep.Ended;
        _idUntil = now;
    }

    /// <summary>When <see cref="Tick"/> is wanted.</summary>
    public Instant Deadline =>
        Instant.Min(_context.Queries.Deadline, Instant.Min(_lookups.Deadline, _upkeep.Deadline));

    /// <summary>Who we are; changes when others tell us our address.</summary>
    public NodeId Id => _context.Self;

    /// <summary>How it stands.</summary>
    public DhtStatus Status => new(
        Id, _votes.Winner, _context.Table.Count, _context.Table.SpareCount, _context.Table.Buckets.Count, _context.Store.TorrentCount,
        _context.Store.PeerCount, _context.Queries.PendingCount, _lookups.RunningCount, _lookups.SearchCount, _context.Counts.PacketsReceived,
        _context.Counts.QueriesReceived, _context.Counts.QueriesRefused, _context.Counts.QueriesSent, _context.Counts.RepliesReceived,
        _context.Counts.PacketsDropped);

    /// <summary>Lets the two name each other's nodes to those who want them, and learn from each other's answers (BEP 32).</summary>
    public static void Pair(DhtNode first, DhtNode second)
    {
        (first._sibling, second._sibling) = (second, first);
        (first._context.Sibling, second._context.Sibling) = (second._context, first._context);
    }

    /// <summary>A packet came.</summary>
    public void Handle(Instant now, PeerAddress from, ReadOnlySpan<byte> packet)
    {
        _context.Now = now;
        _context.Counts.PacketsReceived++;
        if (from.Kind != _context.Options.Family || from.IsUnreachable || !KrpcReader.TryRead(packet, out var message))
        {
            _context.Counts.PacketsDropped++;
            return;
        }

        if (message.Kind == KrpcKind.Query)
        {
            if (_responder.TryAnswer(from, message) && !message.IsReadOnly)
            {
                _upkeep.Asked(new DhtContact(message.Id, from));
            }
        }
        else if (_context.Queries.TryMatch(message.Transaction, from, out var query))
        {
            _context.Counts.RepliesReceived++;
            Answered(query, message, from);
        }
        else
        {
            _context.Counts.PacketsDropped++;
        }

        _lookups.BeginDue();
    }

    /// <summary>Time has gone by.</summary>
    public void Tick(Instant now)
    {
        _context.Now = now;
        while (_context.Queries.TryTakeExpired(out var query))
        {
            Forget(query);
            _context.Table.Failed(query.To);
            if (query.Lookup is not null)
            {
                _lookups.Failed(query);
            }
        }

        _upkeep.Tick();
        _lookups.BeginDue();
    }

    /// <summary>Takes the next thing to do or to know.</summary>
    public bool TryPoll(out DhtOutput output) => _context.Outbox.TryTake(out output);

    /// <summary>There may be a node at that address, says a peer or a torrent: it is asked.</summary>
    public void AddNode(Instant now, PeerAddress address)
    {
        _context.Now = now;
        _upkeep.Hear(address);
        _lookups.BeginDue();
    }

    /// <summary>
    /// Looks for peers of a torrent now and then until <see cref="EndSearch"/>; with a port (0: that of our packets), tells others that we are one.
    /// A search for the same torrent is begun anew. False if there are too many.
    /// </summary>
    public bool TrySearch(Instant now, InfoHash infoHash, int? announcePort)
    {
        _context.Now = now;
        var isBegun = _lookups.TrySearch(infoHash, announcePort);
        _lookups.BeginDue();
        return isBegun;
    }

    /// <summary>Ends what <see cref="TrySearch"/> began.</summary>
    public void EndSearch(InfoHash infoHash) => _lookups.EndSearch(infoHash);

    /// <summary>Looks once for peers, or for nodes alone, and tells the end by LookupEnded with the number returned; 0 if too many run.</summary>
    public long Find(Instant now, NodeId target, bool findsPeers, int? announcePort = null)
    {
        _context.Now = now;
        if (!_lookups.HasRoom)
        {
            return 0;
        }

        var lookup = new Lookup(++_lookupNumber, target, findsPeers, announcePort, now);
        _lookups.Begin(lookup, []);
        return lookup.Number;
    }

    /// <summary>What to keep for the next run: who is there now, and, since that may be nobody for want of a network, after them those of the earlier run.</summary>
    public DhtSnapshot Save() => new(Id, [.. _context.Table.Buckets
        .SelectMany(bucket => bucket.Nodes).Where(node => !node.IsBad).Select(node => node.Contact)
        .Concat(_context.Options.KnownNodes).DistinctBy(contact => contact.Address).Take(DhtSnapshot.MaximumNodeCount)]);

    private void Answered(in PendingQuery query, in KrpcMessage message, PeerAddress from)
    {
        Forget(query);
        var isReply = message.Kind == KrpcKind.Reply && message.Id != Id && message.Id != _formerId; // our own answer is none
        if (isReply && query.To.Id != default && message.Id != query.To.Id)
        {
            _context.Table.Impostor(query.To);
        }

        if (isReply)
        {
            _context.Table.Answered(new DhtContact(message.Id, from), _context.Now);
            Vote(from, message.YourAddress);
            Share(message, from);
        }

        if (!isReply && query.Method != KrpcMethod.AnnouncePeer) // of which a token may be the reason
        {
            _context.Table.Failed(query.To);
        }

        if (query.Lookup is null)
        {
            return;
        }

        if (isReply && (query.To.Id == default || message.Id == query.To.Id))
        {
            _lookups.Answered(query, message, from);
        }
        else
        {
            _lookups.Failed(query);
        }
    }

    private void Forget(in PendingQuery query) => _upkeep.CheckCount -= query.IsCheck ? 1 : 0;

    // Nodes of the other family, to our sibling.
    private void Share(in KrpcMessage message, PeerAddress from)
    {
        if (_sibling is null || _context.Want == KrpcWant.Unsaid)
        {
            return;
        }

        var isIPv4 = _sibling._context.Options.Family == PeerAddressKind.IPv4;
        var list = isIPv4 ? message.Nodes : message.Nodes6;
        var length = isIPv4 ? DhtContact.CompactLengthIPv4 : DhtContact.CompactLengthIPv6;
        for (var i = 0; i < RoutingTable.BucketSize && DhtContact.TryTake(ref list, length, out var contact); i++)
        {
            if (!SecureNodeId.IsLocal(contact.Address) || SecureNodeId.IsLocal(from))
            {
                _sibling.AddNode(_context.Now, contact.Address);
            }
        }
    }

    private void Vote(PeerAddress from, PeerAddress seen)
    {
        if (!_votes.Count(from, seen))
        {
            return;
        }

        if (!SecureNodeId.Fits(Id, seen) && _context.Now >= _idUntil)
        {
            _idUntil = _context.Now + LeastIdTime;
            ChangeId(SecureNodeId.For(seen, _context.RandomId()));
        }

        _context.Outbox.Add(new DhtOutput(DhtOutputKind.AddressLearned, seen.WithPort(0)));
    }

    private void ChangeId(NodeId id)
    {
        var old = _context.Table;
        _formerId = old.Self;
        _context.Table = new RoutingTable(id, _context.Now);
        foreach (var node in old.Buckets.SelectMany(bucket => bucket.Nodes.Concat(bucket.Spares)).Where(node => !node.IsBad))
        {
            _context.Table.Answered(node.Contact, node.HeardAt);
        }

        _upkeep.Rejoin();
    }
}
