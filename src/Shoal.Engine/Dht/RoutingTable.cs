using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>
/// The nodes we know (BEP 5). Bucket i holds those that have exactly i bits in common with us, the last one those that have more; only the
/// last is ever split. A node stands here only after it answered a query of ours, so no packet with a made-up source gets anybody in. One
/// host has one place, a neighbourhood <see cref="PlacesPerNeighbourhood"/> in each bucket, local addresses excepted; ids that follow from the address (BEP 42)
/// displace those that do not. At most 160 buckets of 8 and 8 spares; some 20 in practice. Not thread-safe.
/// </summary>
internal sealed class RoutingTable(NodeId self, Instant now)
{
    /// <summary>Nodes in a bucket, and spares beside it: BEP 5's K.</summary>
    public const int BucketSize = 8;

    /// <summary>Nodes of one neighbourhood in a bucket at most, with its spares.</summary>
    public const int PlacesPerNeighbourhood = 2;

    /// <summary>A node that failed so often in a row is forgotten, even if there is no other in its place.</summary>
    private const int HopelessFailureCount = 5;

    private readonly List<Bucket> _buckets = [new(now)];

    public NodeId Self { get; } = self;

    public IReadOnlyList<Bucket> Buckets => _buckets;

    public int Count { get; private set; }

    public int SpareCount => _buckets.Sum(bucket => bucket.Spares.Count);

    /// <summary>The node if it stands here with this address, as node or spare.</summary>
    public TableNode? Find(DhtContact contact)
    {
        var bucket = BucketOf(contact.Id);
        var node = Find(bucket.Nodes, contact.Id) ?? Find(bucket.Spares, contact.Id);
        return node?.Contact.Address == contact.Address ? node : null;
    }

    /// <summary>Whether the node would be taken if it answered, and could be of use: there is room for it beside the nodes, at least.</summary>
    public bool HasRoomFor(DhtContact contact) =>
        BucketOf(contact.Id) is var bucket && (bucket.Nodes.Count < BucketSize || bucket.Spares.Count < BucketSize / 2 || bucket == _buckets[^1]) &&
        Admits(contact);

    /// <summary>A node answered.</summary>
    public void Answered(DhtContact contact, Instant now)
    {
        if (Find(contact) is { } known)
        {
            known.HeardAt = now;
            known.FailureCount = 0;
            BucketOf(contact.Id).FreshAt = now;
        }
        else if (Admits(contact))
        {
            RemoveRivals(contact);
            Place(new TableNode(contact, now), now);
        }
    }

    /// <summary>A node asked us something: that it is there is known if it stands here.</summary>
    public bool Asked(DhtContact contact, Instant now)
    {
        if (Find(contact) is not { } node)
        {
            return false;
        }

        node.HeardAt = now;
        return true;
    }

    /// <summary>A node did not answer.</summary>
    public void Failed(DhtContact contact)
    {
        if (Find(contact) is not { } node)
        {
            return;
        }

        node.FailureCount++;
        var bucket = BucketOf(contact.Id);
        if (bucket.Spares.Contains(node))
        {
            bucket.Spares.Remove(node);
        }
        else if (node.IsBad && (bucket.Spares.Count > 0 || node.FailureCount >= HopelessFailureCount))
        {
            Remove(bucket, node);
        }
    }

    /// <summary>Whoever is at this address is not who we thought.</summary>
    public void Impostor(DhtContact contact)
    {
        if (Find(contact) is { } node)
        {
            Remove(BucketOf(contact.Id), node);
        }
    }

    /// <summary>Fills the span with the nodes nearest to the target that are not bad, nearest first, and returns how many.</summary>
    public int Nearest(NodeId target, Span<DhtContact> nearest)
    {
        // By the metric all of the target's own bucket is nearer than what is beyond it, and that is nearer than each bucket before it.
        var own = Math.Min(Self.CommonBits(target), _buckets.Count - 1);
        var count = Take(_buckets[own], target, nearest, 0);
        if (count < nearest.Length)
        {
            for (var i = own + 1; i < _buckets.Count; i++)
            {
                count = Take(_buckets[i], target, nearest, count);
            }
        }

        for (var i = own - 1; i >= 0 && count < nearest.Length; i--)
        {
            count = Take(_buckets[i], target, nearest, count);
        }

        return count;
    }

    /// <summary>The node that was not heard of for longest, if for too long; we did not ask it just now.</summary>
    public TableNode? NextQuestionable(Instant now, TimeSpan pause)
    {
        TableNode? oldest = null;
        foreach (var bucket in _buckets)
        {
            foreach (var node in bucket.Nodes)
            {
                if (node.IsQuestionable(now) && now - node.AskedAt >= pause && (oldest is null || node.HeardAt < oldest.HeardAt))
                {
                    oldest = node;
                }
            }
        }

        return oldest;
    }

    private Bucket BucketOf(NodeId id) => _buckets[Math.Min(Self.CommonBits(id), _buckets.Count - 1)];

    private void Place(TableNode node, Instant now)
    {
        while (true)
        {
            var bucket = BucketOf(node.Contact.Id);
            bucket.FreshAt = now;
            if (bucket.Nodes.Count < BucketSize)
            {
                bucket.Nodes.Add(node);
                Count++;
                return;
            }

            if (bucket == _buckets[^1] && _buckets.Count < NodeId.Bits)
            {
                Split(now);
                continue;
            }

            var weaker = bucket.Nodes.Find(other => other.IsBad) ?? (node.IsSecure ? bucket.Nodes.Find(other => !other.IsSecure) : null);
            if (weaker is not null)
            {
                bucket.Nodes[bucket.Nodes.IndexOf(weaker)] = node;
                node = weaker;
            }

            if (!node.IsBad)
            {
                KeepSpare(bucket, node);
            }

            return;
        }
    }

    private static void KeepSpare(Bucket bucket, TableNode node)
    {
        if (bucket.Spares.Count == BucketSize)
        {
            bucket.Spares.RemoveAt(0);
        }

        bucket.Spares.Add(node);
    }

    private void Split(Instant now)
    {
        var bits = _buckets.Count - 1;
        var last = _buckets[^1];
        var next = new Bucket(now);
        _buckets.Add(next);
        Move(last.Nodes, next.Nodes, bits);
        Move(last.Spares, next.Spares, bits);
        Promote(last);
        Promote(next);
    }

    private void Move(List<TableNode> from, List<TableNode> to, int bits)
    {
        to.AddRange(from.Where(node => Self.CommonBits(node.Contact.Id) > bits));
        from.RemoveAll(node => Self.CommonBits(node.Contact.Id) > bits);
    }

    private void Promote(Bucket bucket)
    {
        while (bucket.Nodes.Count < BucketSize && bucket.Spares.Count > 0)
        {
            bucket.Nodes.Add(bucket.Spares[^1]);
            bucket.Spares.RemoveAt(bucket.Spares.Count - 1);
            Count++;
        }
    }

    private void Remove(Bucket bucket, TableNode node)
    {
        if (bucket.Nodes.Remove(node))
        {
            Count--;
            Promote(bucket);
        }
        else
        {
            bucket.Spares.Remove(node);
        }
    }

    // Whoever answers at an address that stands here under another id has it now; other ports of a host, and others of that id, have to wait until
    // its node has failed. A neighbourhood's places in a bucket are counted without those that make room.
    private bool Admits(DhtContact contact)
    {
        if (contact.Id == Self)
        {
            return false;
        }

        foreach (var bucket in _buckets)
        {
            if (bucket.Find(node => IsRival(node, contact) && node.Contact.Address != contact.Address && node.FailureCount == 0) is not null)
            {
                return false;
            }
        }

        var neighbourhood = DhtHosts.NeighbourhoodOf(contact.Address);
        return SecureNodeId.IsLocal(contact.Address) || BucketOf(contact.Id).Count(
            node => DhtHosts.NeighbourhoodOf(node.Contact.Address) == neighbourhood && !IsRival(node, contact)) < PlacesPerNeighbourhood;
    }

    private void RemoveRivals(DhtContact contact)
    {
        foreach (var bucket in _buckets)
        {
            while (bucket.Find(node => IsRival(node, contact)) is { } rival)
            {
                Remove(bucket, rival);
            }
        }
    }

    private static bool IsRival(TableNode node, DhtContact contact) =>
        node.Contact.Address == contact.Address || node.Contact.Id == contact.Id ||
        (!SecureNodeId.IsLocal(contact.Address) && DhtHosts.HostOf(node.Contact.Address) == DhtHosts.HostOf(contact.Address));

    private static TableNode? Find(List<TableNode> nodes, NodeId id)
    {
        foreach (var node in nodes)
        {
            if (node.Contact.Id == id)
            {
                return node;
            }
        }

        return null;
    }

    private static int Take(Bucket bucket, NodeId target, Span<DhtContact> nearest, int count)
    {
        foreach (var node in bucket.Nodes)
        {
            if (node.IsBad)
            {
                continue;
            }

            var distance = node.Contact.Id.DistanceTo(target);
            var at = count;
            while (at > 0 && nearest[at - 1].Id.DistanceTo(target) > distance)
            {
                at--;
            }

            if (at == nearest.Length)
            {
                continue;
            }

            count = Math.Min(count + 1, nearest.Length);
            nearest[at..(count - 1)].CopyTo(nearest[(at + 1)..]);
            nearest[at] = node.Contact;
        }

        return count;
    }
}
