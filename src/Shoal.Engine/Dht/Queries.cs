using System.Buffers.Binary;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>A query that waits for its answer.</summary>
/// <param name="To">To whom it went; the id is default if nobody knows it.</param>
/// <param name="Method">What was asked.</param>
/// <param name="Lookup">For which lookup; null for a ping.</param>
/// <param name="Candidate">For which of its candidates.</param>
internal readonly record struct PendingQuery(DhtContact To, KrpcMethod Method, Lookup? Lookup, Candidate? Candidate)
{
    /// <summary>Whether a node is asked that does not stand in the table yet.</summary>
    public bool IsCheck { get; init; }
}

/// <summary>
/// Queries and their answers. An answer counts only with the transaction id that was sent, which nobody can foresee, and from the address that
/// it was sent to, in time. At most <see cref="DhtLimits.MaximumPendingCount"/> are out. Not thread-safe.
/// </summary>
internal sealed class Queries(DhtContext context)
{
    /// <summary>How long an answer may take.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2.5);

    private readonly Dictionary<uint, PendingQuery> _pending = [];

    // All wait equally long, so the oldest is the first to be given up.
    private readonly Queue<(uint Transaction, Instant Deadline)> _order = new();
    private long _sequence;

    public int PendingCount => _pending.Count;

    public bool HasRoom => _pending.Count < context.Limits.MaximumPendingCount && _order.Count < 2 * context.Limits.MaximumPendingCount;

    public Instant Deadline => _order.TryPeek(out var oldest) ? oldest.Deadline : Instant.Never;

    /// <summary>Sends a query; its transaction, sender and version are filled in here. False if too many are out.</summary>
    public bool TrySend(in PendingQuery query, scoped KrpcMessage message)
    {
        if (!HasRoom)
        {
            return false;
        }

        uint transaction;
        do
        {
            transaction = (uint)context.TransactionHash.Of(query.To.Address, _sequence++);
        }
        while (_pending.ContainsKey(transaction));

        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, transaction);
        message.Kind = KrpcKind.Query;
        message.Method = query.Method;
        message.Transaction = bytes;
        message.Id = context.Self;
        message.IsReadOnly = context.Options.IsReadOnly;
        message.Version = DhtContext.Version;
        context.Outbox.Send(query.To.Address, message);
        context.Counts.QueriesSent++;
        _pending.Add(transaction, query);
        _order.Enqueue((transaction, context.Now + Timeout));
        return true;
    }

    /// <summary>Takes the query that such a message from there answers.</summary>
    public bool TryMatch(ReadOnlySpan<byte> transaction, PeerAddress from, out PendingQuery query)
    {
        query = default;
        return transaction.Length == 4 && BinaryPrimitives.ReadUInt32BigEndian(transaction) is var id &&
            _pending.TryGetValue(id, out query) && query.To.Address == from && _pending.Remove(id);
    }

    /// <summary>Takes a query whose time is up.</summary>
    public bool TryTakeExpired(out PendingQuery query)
    {
        while (_order.TryPeek(out var oldest) && (oldest.Deadline <= context.Now || !_pending.ContainsKey(oldest.Transaction)))
        {
            _order.Dequeue();
            if (_pending.Remove(oldest.Transaction, out query))
            {
                return true;
            }
        }

        query = default;
        return false;
    }
}
