using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Simulation.Fuzzing.Dht;

/// <summary>Whom a node asked, and who answered: under which id, and where.</summary>
/// <param name="self">Where the node is.</param>
/// <param name="most">Queries that may be out at once.</param>
internal sealed class DhtAsked(PeerAddress self, int most)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2.5);

    private readonly Dictionary<(PeerAddress, ulong), Instant> _out = [];
    private readonly Queue<((PeerAddress, ulong) Key, Instant At)> _order = new();
    private readonly HashSet<DhtContact> _answered = [];
    private int _ownNamings; // how often others named it to itself
    private bool _maySeekItself; // it was told to begin there

    /// <summary>The driver says that a node is there.</summary>
    public void Told(PeerAddress address) => _maySeekItself |= address == self;

    /// <summary>A query came that says it comes from there, under another id: it is asked whether that is so.</summary>
    public void HeardOf(PeerAddress address) => _ownNamings += address == self ? 1 : 0;

    /// <summary>A query goes out.</summary>
    public void Ask(Instant now, PeerAddress to, in KrpcMessage query)
    {
        while (_order.TryPeek(out var oldest) && (oldest.At + Patience <= now || !_out.ContainsKey(oldest.Key)))
        {
            _out.Remove(oldest.Key);
            _order.Dequeue();
        }

        Safety.Require(_out.TryAdd((to, KeyOf(query.Transaction)), now), "two queries to one node have the same transaction id");
        _order.Enqueue(((to, KeyOf(query.Transaction)), now));
        Safety.Require(_out.Count <= most, $"{_out.Count} queries are out, and {most} may be");
        Safety.Require(to != self || _maySeekItself || --_ownNamings >= 0, "a node asks itself, and nobody named it to it");
    }

    /// <summary>An answer, or an error, has come. Whether it answers a query that is out: with its transaction id, from where it went, in time.</summary>
    public bool TryAnswer(Instant now, PeerAddress from, in KrpcMessage answer, NodeId id)
    {
        if (!_out.Remove((from, KeyOf(answer.Transaction)), out var at) || at + Patience < now)
        {
            return false;
        }

        if (answer.Kind == KrpcKind.Reply)
        {
            if (answer.Id != id)
            {
                _answered.Add(new DhtContact(answer.Id, from));
            }

            CountNamings(answer.Nodes, DhtContact.CompactLengthIPv4);
            CountNamings(answer.Nodes6, DhtContact.CompactLengthIPv6);
        }

        return true;
    }

    /// <summary>Whether a node of that id ever answered there.</summary>
    public bool HasAnswered(DhtContact contact) => _answered.Contains(contact);

    private void CountNamings(ReadOnlySpan<byte> list, int length)
    {
        while (DhtContact.TryTake(ref list, length, out var contact))
        {
            HeardOf(contact.Address);
        }
    }

    // Four bytes: any other length is another's, and matches none.
    private static ulong KeyOf(ReadOnlySpan<byte> transaction) =>
        transaction.Length == 4 ? System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(transaction) : ulong.MaxValue;
}
