using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>What a DHT node wants done, or tells.</summary>
public enum DhtOutputKind : byte
{
    /// <summary>Send <see cref="DhtOutput.Packet"/> to <see cref="DhtOutput.Address"/>. Its bytes are good until the next poll.</summary>
    Send,

    /// <summary><see cref="DhtOutput.Address"/> is a peer of <see cref="DhtOutput.Target"/>; told once for each lookup.</summary>
    PeerFound,

    /// <summary>A lookup is over: <see cref="DhtOutput.Result"/>.</summary>
    LookupEnded,

    /// <summary>Others see us at <see cref="DhtOutput.Address"/>; our id may have changed with it.</summary>
    AddressLearned,
}

/// <summary>One deed or news of a DHT node. Which members mean something is said at each <see cref="DhtOutputKind"/>.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Address">To whom, or of whom.</param>
/// <param name="Packet">What to send.</param>
/// <param name="Target">What was looked for.</param>
/// <param name="Lookup">Which lookup; 0 for those of a standing search.</param>
/// <param name="Result">How a lookup ended.</param>
public readonly record struct DhtOutput(
    DhtOutputKind Kind,
    PeerAddress Address = default,
    ReadOnlyMemory<byte> Packet = default,
    NodeId Target = default,
    long Lookup = 0,
    DhtLookupResult? Result = null);

/// <summary>How a lookup went.</summary>
/// <param name="Target">What was looked for.</param>
/// <param name="PeerCount">Peers that were found, each once.</param>
/// <param name="Hops">How many nodes in a row led to the nearest one that answered, itself counted; 0 if none did.</param>
/// <param name="QueryCount">Queries sent.</param>
/// <param name="AnswerCount">Queries answered.</param>
/// <param name="AnnounceCount">Nodes that took our announce.</param>
/// <param name="Nearest">The nearest nodes that answered, nearest first; at most 8.</param>
/// <param name="Duration">How long it took.</param>
public sealed record DhtLookupResult(
    NodeId Target,
    int PeerCount,
    int Hops,
    int QueryCount,
    int AnswerCount,
    int AnnounceCount,
    IReadOnlyList<DhtContact> Nearest,
    TimeSpan Duration);

/// <summary>How a node stands. Counts are since it began, but for what is kept now.</summary>
public readonly record struct DhtStatus(
    NodeId Id,
    PeerAddress ExternalAddress,
    int NodeCount,
    int SpareCount,
    int BucketCount,
    int TorrentCount,
    int PeerCount,
    int PendingCount,
    int LookupCount,
    int SearchCount,
    long PacketsReceived,
    long QueriesReceived,
    long QueriesRefused,
    long QueriesSent,
    long RepliesReceived,
    long PacketsDropped);
