using Shoal.Engine.Rates;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

internal enum ConnectionPhase : byte
{
    /// <summary>Asked for, not yet open.</summary>
    Connecting,

    /// <summary>Open; the peer's handshake has not come.</summary>
    Handshaking,

    /// <summary>Talks.</summary>
    Open,

    /// <summary>We have let go of it; only LinkClosed is still to come.</summary>
    Closing,
}

/// <summary>A live link to one peer, and all we know of the peer through it (BEP 3's four flags, BEP 6, BEP 10).</summary>
internal sealed class PeerConnection(LinkId link, PeerAddress address, Instant now, int maximumRequestDepth)
{
    /// <summary>Pieces that a choked peer may ask for, and that it may grant us, at most (BEP 6 suggests 10).</summary>
    public const int MaximumAllowedFastCount = 32;

    /// <summary>Suggestions of a peer that are remembered; of more the latest.</summary>
    public const int MaximumSuggestedCount = 64;

    public LinkId Link { get; } = link;

    /// <summary>Where the link leads; for an incoming one not where the peer accepts links.</summary>
    public PeerAddress Address { get; } = address;

    /// <summary>Where the peer accepts links, as far as is known; else an address with port 0.</summary>
    public PeerAddress Home => Link.IsIncoming ? Address.WithPort(ListenPort) : Address;

    public Instant OpenedAt { get; set; } = now;

    public ConnectionPhase Phase { get; set; } = ConnectionPhase.Connecting;

    public PeerId Id { get; set; }

    /// <summary>What the peer calls itself (BEP 10's v); null if it did not say.</summary>
    public string? Client { get; set; }

    public bool SupportsFast { get; set; }

    public bool SupportsExtensions { get; set; }

    /// <summary>Whether the peer runs a DHT node (BEP 5).</summary>
    public bool SupportsDht { get; set; }

    /// <summary>Whether it said where.</summary>
    public bool ToldOfNode { get; set; }

    /// <summary>The id under which the peer takes metadata messages (BEP 9); 0 if it does not.</summary>
    public byte MetadataExtensionId { get; set; }

    /// <summary>The length in bytes that the peer says the info dictionary has; 0 if it did not say.</summary>
    public int MetadataLength { get; set; }

    /// <summary>Bytes of metadata sent to the peer: nobody needs it many times.</summary>
    public long MetadataBytesSent { get; set; }

    /// <summary>The port at which the peer says that it accepts links (BEP 10's p); 0 if it did not say.</summary>
    public ushort ListenPort { get; set; }

    /// <summary>Whether the peer would rather be spoken to encrypted (BEP 10's e).</summary>
    public bool PrefersEncryption { get; set; }

    /// <summary>The id under which the peer takes messages of peer exchange (BEP 11); 0 if it does not.</summary>
    public byte PexExtensionId { get; set; }

    /// <summary>Before this the peer is not told of others again.</summary>
    public Instant PexTellAt { get; set; } = Instant.Never;

    /// <summary>When it last told us of others; null if it never did.</summary>
    public Instant? PexHeardAt { get; set; }

    /// <summary>Of whom the peer was told; at most <see cref="PeerExchange.MaximumToldCount"/>.</summary>
    public SortedSet<PeerAddress> PexTold => field ??= [];

    /// <summary>The pieces that the peer has; null until we know how many there are.</summary>
    public Bitfield? Has { get; set; }

    /// <summary>The pieces that it turned out not to have, where peers do not tell; null if none.</summary>
    public Bitfield? Rejected { get; set; }

    /// <summary>What the peer told of its pieces before we could understand it.</summary>
    public EarlyPieces Early => field ??= new();

    public bool AmChoking { get; set; } = true;

    public bool AmInterested { get; set; }

    public bool IsChoking { get; set; } = true;

    public bool IsInterested { get; set; }

    /// <summary>Pieces that the peer has and we want.</summary>
    public int InterestingCount { get; set; }

    /// <summary>Pieces that we may ask for although choked (BEP 6); null if none.</summary>
    public Bitfield? AllowedFast { get; set; }

    /// <summary>Pieces that the peer may ask for although choked (BEP 6).</summary>
    public List<PieceIndex> GrantedFast => field ??= [];

    /// <summary>Bytes of those that it may still have while choked.</summary>
    public long GrantedFastBytes { get; set; }

    public RequestPipeline Pipeline { get; } = new(maximumRequestDepth);

    public UploadQueue Uploads { get; } = new();

    public RateMeter Downloaded { get; } = new();

    public RateMeter Uploaded { get; } = new();

    /// <summary>Pieces that the peer would have us begin before others (BEP 6); null if it never did.</summary>
    public Queue<PieceIndex>? Suggested { get; set; }

    public Instant UnchokedAt { get; set; }

    /// <summary>Whether it has not asked for anything since it was unchoked last.</summary>
    public bool IsToAsk { get; set; }

    /// <summary>From an unchoke to the peer's first request, the last time.</summary>
    public TimeSpan AskDelay { get; set; }

    public long UploadedBytesAtUnchoke { get; set; }

    public Instant LastReceivedAt { get; set; } = now;

    public Instant LastSentAt { get; set; } = now;

    /// <summary>Has let us wait too long for a block; gets one request at a time until it sends one.</summary>
    public bool IsSnubbed { get; set; }

    /// <summary>Had a hand in a piece that failed: gets pieces of its own until one proves good, or bad.</summary>
    public bool IsOnParole { get; set; }

    /// <summary>Blocks that we gave up and that may come all the same, so a block out of the blue is no offence.</summary>
    public int ForgottenCount { get; set; }

    /// <summary>Rejects of an unchoking peer since its last block.</summary>
    public int RejectCount { get; set; }

    /// <summary>Messages of late that cost us more than the peer; halved each second.</summary>
    public int FloodCount { get; set; }

    /// <summary>Bitfields in the place of many haves.</summary>
    public int BitfieldCount { get; set; }

    /// <summary>How often it was asked for metadata in vain.</summary>
    public int MetadataFailureCount { get; set; }

    /// <summary>Before this it is not asked for metadata again.</summary>
    public Instant MetadataRetryAt { get; set; }

    /// <summary>Whether there is nothing to be had from a link to where it lives, for a while.</summary>
    public bool IsUseless { get; set; }

    /// <summary>Requests and other messages that were nonsense, though harmless.</summary>
    public int OffenceCount { get; set; }

    public bool IsHalfOpen => Phase is ConnectionPhase.Connecting or ConnectionPhase.Handshaking;

    /// <summary>Since when it has been waiting for a slot, if it is choked.</summary>
    public Instant WaitsSince => UnchokedAt > OpenedAt ? UnchokedAt : OpenedAt;

    public bool IsSeeder => Has is { IsFull: true, Length: > 0 };
}

/// <summary>
/// What a peer told of its pieces before the metadata was there, to be understood later (BEP 9 begins without a
/// piece count). Bounded: the largest bitfield we accept, and as many haves as fit it.
/// </summary>
internal sealed class EarlyPieces
{
    private const int MaximumHaveCount = 64 * 1024;

    private readonly List<PieceIndex> _haves = [];
    private ReadOnlyMemory<byte>? _bits;
    private bool _all;

    /// <summary>All the peer has at once; it outdates what it told before.</summary>
    public void Set(bool all, ReadOnlyMemory<byte>? bits)
    {
        (_all, _bits) = (all, bits);
        _haves.Clear();
    }

    public bool TryAdd(PieceIndex piece)
    {
        if (_haves.Count >= MaximumHaveCount)
        {
            return false;
        }

        _haves.Add(piece);
        return true;
    }

    /// <summary>The bitfield it comes to; null if what was told does not fit the layout.</summary>
    public Bitfield? Resolve(PieceLayout layout)
    {
        var has = _bits is { } bits ? Bitfield.TryRead(bits.Span, layout.PieceCount) : new Bitfield(layout.PieceCount);
        if (has is null || _haves.Exists(piece => !layout.Contains(piece)))
        {
            return null;
        }

        if (_all)
        {
            has.SetAll();
        }

        _haves.ForEach(piece => has.Set(piece.Value));
        return has;
    }
}
