using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>What happened so far, for people.</summary>
internal sealed class DhtCounts
{
    public long PacketsReceived;
    public long PacketsDropped;
    public long QueriesReceived;
    public long QueriesRefused;
    public long QueriesSent;
    public long RepliesReceived;
}

/// <summary>What the parts of one node share. Not thread-safe.</summary>
internal sealed class DhtContext
{
    private const ulong TokenKey = 0x746f6b656e;
    private const ulong HostKey = 0x686f7374;

    public DhtContext(DhtOptions options, Instant now)
    {
        Options = options;
        Now = now;
        Prng = new Prng(options.Seed);
        TransactionHash = new AddressHash(options.Secrets.Key0, options.Secrets.Key1);
        Tokens = new WriteTokens(new AddressHash(options.Secrets.Key0 ^ TokenKey, options.Secrets.Key1));
        Guard = new FloodGuard(new AddressHash(options.Secrets.Key0 ^ HostKey, options.Secrets.Key1), options.Limits);
        Store = new PeerStore(options.Limits, Prng);
        Queries = new Queries(this);
        Table = new RoutingTable(options.Id ?? RandomId(), now);
    }

    /// <summary>The version told to others: SH, and ours.</summary>
    public static ReadOnlySpan<byte> Version => "SH\x00\x01"u8;

    public DhtOptions Options { get; }

    public DhtLimits Limits => Options.Limits;

    public Instant Now { get; set; }

    public Prng Prng { get; }

    public AddressHash TransactionHash { get; }

    public WriteTokens Tokens { get; }

    public FloodGuard Guard { get; }

    public PeerStore Store { get; }

    public Outbox Outbox { get; } = new();

    public Queries Queries { get; }

    public DhtCounts Counts { get; } = new();

    /// <summary>Changes as a whole with our id.</summary>
    public RoutingTable Table { get; set; }

    public NodeId Self => Table.Self;

    /// <summary>The node of the other family on this machine, whose nodes we name to those who want them (BEP 32).</summary>
    public DhtContext? Sibling { get; set; }

    /// <summary>Which nodes to ask for: those of both families while the other one's table is thin.</summary>
    public KrpcWant Want => Sibling is null || Sibling.Table.Count >= 2 * RoutingTable.BucketSize ? KrpcWant.Unsaid : KrpcWant.IPv4 | KrpcWant.IPv6;

    public NodeId RandomId()
    {
        Span<byte> bytes = stackalloc byte[24];
        for (var i = 0; i < 3; i++)
        {
            BitConverter.TryWriteBytes(bytes[(8 * i)..], Prng.NextUInt64());
        }

        return new NodeId(bytes);
    }

    /// <summary>So long, give or take an eighth: nodes that began together do not stay in step.</summary>
    public TimeSpan Jittered(TimeSpan span) => span * (0.875 + (Prng.Next(1 << 16) / (double)(1 << 18)));
}
