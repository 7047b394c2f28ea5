using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>A node in the routing table: one that has answered us at this address.</summary>
internal sealed class TableNode(DhtContact contact, Instant heardAt)
{
    /// <summary>How long after it was last heard of a node is questionable (BEP 5).</summary>
    public static readonly TimeSpan TrustTime = TimeSpan.FromMinutes(15);

    /// <summary>So many queries in a row without an answer make a node bad.</summary>
    public const int BadFailureCount = 2;

    public DhtContact Contact { get; } = contact;

    /// <summary>When it last answered, or asked.</summary>
    public Instant HeardAt { get; set; } = heardAt;

    /// <summary>When we last asked whether it is still there.</summary>
    public Instant AskedAt { get; set; } = heardAt;

    /// <summary>Queries in a row without an answer.</summary>
    public int FailureCount { get; set; }

    /// <summary>Whether its id follows from its address (BEP 42).</summary>
    public bool IsSecure { get; } = SecureNodeId.Fits(contact.Id, contact.Address);

    public bool IsBad => FailureCount >= BadFailureCount;

    public bool IsQuestionable(Instant now) => now - HeardAt > TrustTime || FailureCount > 0;
}

/// <summary>Nodes that have as many bits in common with us; those that wait for a place stand beside them, the freshest last.</summary>
internal sealed class Bucket(Instant now)
{
    public List<TableNode> Nodes { get; } = [];

    public List<TableNode> Spares { get; } = [];

    /// <summary>When a node last came or answered, or a refresh began.</summary>
    public Instant FreshAt { get; set; } = now;

    /// <summary>The first of nodes and spares of which this is so.</summary>
    public TableNode? Find(Predicate<TableNode> isSo) => Nodes.Find(isSo) ?? Spares.Find(isSo);

    /// <summary>Of how many nodes and spares this is so.</summary>
    public int Count(Func<TableNode, bool> isSo) => Nodes.Count(isSo) + Spares.Count(isSo);
}
