using Shoal.Engine.Picking;
using Shoal.Engine.PortMapping;
using Shoal.Engine.Sessions;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// What the parts of one swarm share: who we are, what is known of the content, the links, and the way out. The parts
/// are plain classes with the swarm's one owner; they reach each other only through <see cref="Swarm"/> and this.
/// </summary>
internal sealed class SwarmContext(
    SwarmId id, SwarmOptions options, PeerId self, Prng prng, SessionLimits limits, OutputQueue outputs)
{
    private LinkTable _byLink = new();

    public SwarmId Id { get; } = id;

    public SwarmOptions Options { get; } = options;

    public PeerId Self { get; } = self;

    public Prng Prng { get; } = prng;

    public SessionLimits Limits { get; } = limits;

    /// <summary>The port at which others reach us who are beyond the router.</summary>
    public int ListenPort { get; set; } = options.ListenPort;

    /// <summary>The port at which others reach our DHT node who are beyond the router; 0 if there is none, or the torrent is not for it.</summary>
    public int NodePort { get; set; } = options.DhtPort;

    /// <summary>Whether the way there leads through the router, which has ports of its own: IPv4 in the internet, but neither IPv6 nor who is in our network.</summary>
    public static bool IsBeyondRouter(PeerAddress peer) => peer.Kind == PeerAddressKind.IPv4 && !AddressScope.IsLocal(peer);

    /// <summary>The time of the input that is being handled.</summary>
    public Instant Now { get; set; }

    /// <summary>The links, in the order they were opened.</summary>
    public List<PeerConnection> Connections { get; } = [];

    public PeerBook Book { get; } = new();

    /// <summary>Null until the content is known.</summary>
    public PieceLayout? Layout { get; set; }

    /// <summary>Null until the content is known.</summary>
    public PiecePicker? Picker { get; set; }

    /// <summary>Null until the content is known.</summary>
    public ContentState? Content { get; set; }

    /// <summary>Whether the torrent is known to be private (BEP 27).</summary>
    public bool IsPrivate { get; set; }

    /// <summary>Whether Start has come, and Stop has not.</summary>
    public bool IsRunning { get; set; }

    /// <summary>Whether the disk refused a write, and no more is asked for.</summary>
    public bool IsPaused { get; set; }

    /// <summary>
    /// Whether the swarm must look anew at what it is to do when. Other inputs than messages and blocks always say so; these do where they
    /// change a deadline: a link comes, goes or gets through its handshake, or a rate cap begins to hold something up.
    /// </summary>
    public bool IsPlanOld { get; set; }

    public long DownloadedBytes { get; set; }

    public long UploadedBytes { get; set; }

    public long WastedBytes { get; set; }

    /// <summary>Whether all peers are our own, so that nobody is choked and nobody has to be bridled.</summary>
    public bool IsTrusted => Options.IsTrusted;

    /// <summary>Whether peers tell each other what they have; else each asks, and is rejected where it asks in vain.</summary>
    public bool TellsPieces => Options.Balance == BalancePolicy.Swarm;

    /// <summary>Whether a piece is told to those also who have it.</summary>
    public bool TellsHoldersToo => Options.TellsHoldersToo;

    public bool IsSeeding => Picker is { IsComplete: true };

    public void AddConnection(PeerConnection connection)
    {
        Connections.Add(connection);
        _byLink.Add(connection);
        Limits.Opened();
        IsPlanOld = true;
    }

    public void RemoveConnection(PeerConnection connection)
    {
        Connections.Remove(connection);
        _byLink.Remove(connection);
        IsPlanOld = true;
    }

    public PeerConnection? Find(LinkId link) => _byLink.Find(link);

    /// <summary>Fetches what <see cref="Find"/> will look at, in two steps (<see cref="IMachine.Warm"/>).</summary>
    public void Warm(LinkId link, int step) => _byLink.Warm(link, step);

    public void Emit(in Output output) => outputs.Enqueue(output);

    public void Emit(SwarmEvent happening) => outputs.Enqueue(new Output(OutputKind.Event, Id, Detail: happening));

    public void Send(PeerConnection connection, in PeerMessage message)
    {
        connection.LastSentAt = Now;
        outputs.Enqueue(new Output(OutputKind.Send, Id, connection.Link, message));
    }

    public void Send(PeerConnection connection, PeerMessageKind kind) => Send(connection, new PeerMessage(kind));
}
