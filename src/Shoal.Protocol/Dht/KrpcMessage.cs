namespace Shoal.Protocol.Dht;

/// <summary>The kinds of KRPC messages (BEP 5).</summary>
public enum KrpcKind : byte
{
    Query,
    Reply,
    Error,
}

/// <summary>What a query asks.</summary>
public enum KrpcMethod : byte
{
    /// <summary>Something that we do not know.</summary>
    Unknown,
    Ping,
    FindNode,
    GetPeers,
    AnnouncePeer,

    /// <summary>BEP 51.</summary>
    SampleInfohashes,
}

/// <summary>Which families of nodes a query wants named (BEP 32). None said: that of the packet.</summary>
[Flags]
public enum KrpcWant : byte
{
    Unsaid = 0,
    IPv4 = 1,
    IPv6 = 2,
}

/// <summary>
/// One KRPC message, read or to be written (BEP 5, 32, 42, 43, 51). Its spans are parts of the packet that was read, or of the writer's
/// memory. What a message does not have is empty or zero.
/// </summary>
public ref struct KrpcMessage
{
    /// <summary>Query, reply or error.</summary>
    public KrpcKind Kind;

    /// <summary>Which exchange: chosen by who asks, repeated by who answers.</summary>
    public ReadOnlySpan<byte> Transaction;

    /// <summary>What a query asks.</summary>
    public KrpcMethod Method;

    /// <summary>Who sends it; default in an error.</summary>
    public NodeId Id;

    /// <summary>What is looked for, or announced.</summary>
    public NodeId Target;

    /// <summary>Which nodes a query wants.</summary>
    public KrpcWant Want;

    /// <summary>The sender does not answer queries (BEP 43).</summary>
    public bool IsReadOnly;

    /// <summary>Of a reply to get_peers, and of announce_peer.</summary>
    public ReadOnlySpan<byte> Token;

    /// <summary>The port that is announced.</summary>
    public ushort Port;

    /// <summary>That the packet's own port is meant, whatever <see cref="Port"/> says.</summary>
    public bool HasImpliedPort;

    /// <summary>Compact IPv4 nodes.</summary>
    public ReadOnlySpan<byte> Nodes;

    /// <summary>Compact IPv6 nodes.</summary>
    public ReadOnlySpan<byte> Nodes6;

    /// <summary>Peers: a bencoded list of compact ones, to be read with <see cref="KrpcReader.ReadPeers"/>.</summary>
    public ReadOnlySpan<byte> Peers;

    /// <summary>Info-hashes, 20 bytes each (BEP 51).</summary>
    public ReadOnlySpan<byte> Samples;

    /// <summary>How many info-hashes the sender has in all (BEP 51).</summary>
    public int SampleTotal;

    /// <summary>In how many seconds there will be other samples (BEP 51); -1 where the message has no samples.</summary>
    public int SampleIntervalSeconds;

    /// <summary>Where the replier saw us (BEP 42).</summary>
    public PeerAddress YourAddress;

    /// <summary>Of an error: 201 generic, 202 server, 203 protocol, 204 unknown method.</summary>
    public int ErrorCode;

    /// <summary>Of an error, for people.</summary>
    public ReadOnlySpan<byte> ErrorText;

    /// <summary>The program that sends it: two letters and a version.</summary>
    public ReadOnlySpan<byte> Version;
}
