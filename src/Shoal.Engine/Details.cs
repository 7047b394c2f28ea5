using Shoal.Engine.Picking;
using Shoal.Engine.Swarms;
using Shoal.Protocol;

namespace Shoal.Engine;

/// <summary>Which announce a tracker gets (BEP 3).</summary>
public enum AnnounceKind : byte
{
    /// <summary>One of the regular ones.</summary>
    Regular,

    /// <summary>The first.</summary>
    Started,

    /// <summary>The download is complete.</summary>
    Completed,

    /// <summary>The last.</summary>
    Stopped,
}

/// <summary>What to tell which tracker. Byte counts are of this run, as BEP 3 has them.</summary>
public sealed record AnnounceOrder(
    string Tracker, AnnounceKind Kind, long UploadedBytes, long DownloadedBytes, long LeftBytes, int WantedPeerCount);

/// <summary>
/// What became of an announce. <paramref name="Failure"/> is null on success. <paramref name="RetryAfter"/> is BEP 31's
/// "retry in" (<see cref="TimeSpan.MaxValue"/> for "never").
/// </summary>
public sealed record AnnounceResult(
    string Tracker,
    AnnounceKind Kind,
    string? Failure = null,
    TimeSpan? Interval = null,
    TimeSpan? MinimumInterval = null,
    TimeSpan? RetryAfter = null,
    int? SeederCount = null,
    int? LeecherCount = null,
    IReadOnlyList<PeerAddress>? Peers = null,
    string? Warning = null);

/// <summary>The content of a swarm and what of it is here.</summary>
/// <param name="Layout">How it is cut.</param>
/// <param name="PieceHashes">The hashes, 20 bytes a piece, in order; empty if they follow one by one (PieceHashKnown).</param>
/// <param name="Have">The pieces that lie on disk, verified. Becomes the engine's own.</param>
/// <param name="Wanted">The pieces that the user wants; null for all.</param>
/// <param name="Partial">Blocks of unfinished pieces that lie on disk, unverified, from an earlier run; a bit a block.</param>
/// <param name="InfoBytes">The bencoded info dictionary, to serve to others (BEP 9); empty to serve none.</param>
/// <param name="IsPrivate">Whether peers may come from trackers only (BEP 27).</param>
public sealed record ContentState(
    PieceLayout Layout,
    ReadOnlyMemory<byte> PieceHashes,
    Bitfield Have,
    Bitfield? Wanted = null,
    IReadOnlyDictionary<PieceIndex, Bitfield>? Partial = null,
    ReadOnlyMemory<byte> InfoBytes = default,
    bool IsPrivate = false)
{
    /// <summary>A picker that starts from here.</summary>
    internal PiecePicker NewPicker(Prng prng)
    {
        var picker = new PiecePicker(Layout, prng);
        for (var piece = 0; piece < Layout.PieceCount; piece++)
        {
            var index = new PieceIndex(piece);
            if (Wanted is { } wanted && !wanted[piece])
            {
                picker.SetWanted(index, false);
            }

            if (Have[piece])
            {
                picker.MarkHave(index);
            }
            else if (Partial?.GetValueOrDefault(index) is { IsEmpty: false, IsFull: false } received)
            {
                picker.Adopt(index, received);
            }
        }

        return picker;
    }
}

/// <summary>Why a block could not be read for a peer, and which pieces cannot be good any more.</summary>
/// <param name="Reason">One line that names the file.</param>
/// <param name="Pieces">The piece itself at least; all of its file if that has changed.</param>
public sealed record ReadFailure(string Reason, PieceRange Pieces)
{
    /// <summary>A failure that says nothing of other pieces.</summary>
    public static ReadFailure Of(PieceIndex piece, string reason) => new(reason, new PieceRange(piece, 1));
}

/// <summary>How often a peer was asked for something.</summary>
public readonly record struct HolderRequests(PeerAddress Holder, int Count);

/// <summary>Something that a user may care for.</summary>
public abstract record SwarmEvent
{
    private SwarmEvent()
    {
    }

    /// <summary>The info dictionary came from peers and its hash is the info-hash (BEP 9). The driver answers with ContentReady.</summary>
    public sealed record MetadataReceived(ReadOnlyMemory<byte> InfoBytes) : SwarmEvent;

    /// <summary>The piece is verified and written.</summary>
    public sealed record PieceCompleted(PieceIndex Piece) : SwarmEvent;

    /// <summary>
    /// A round of requests is over and waits for the next <see cref="InputKind.HoldersOrdered"/>, unless all is complete.
    /// Not under <see cref="BalancePolicy.Swarm"/>.
    /// </summary>
    /// <param name="Requests">How often which holder was asked in the round, rejected requests included.</param>
    public sealed record RoundEnded(IReadOnlyList<HolderRequests> Requests) : SwarmEvent;

    /// <summary>Every wanted piece is verified and written.</summary>
    public sealed record Completed : SwarmEvent;

    /// <summary>A link got through its handshake.</summary>
    public sealed record PeerConnected(PeerAddress Address, PeerId Id, bool IsIncoming) : SwarmEvent;

    /// <summary>A link that had got through its handshake, or never did, is gone.</summary>
    public sealed record PeerDisconnected(PeerAddress Address, string Reason) : SwarmEvent;

    /// <summary>The peer sent a bad piece, or broke the protocol, and is not talked to again.</summary>
    public sealed record PeerBanned(PeerAddress Address, string Reason) : SwarmEvent;

    /// <summary>A peer says that its DHT node is there (BEP 5).</summary>
    public sealed record DhtNodeTold(PeerAddress Address) : SwarmEvent;

    /// <summary>A piece failed its hash and is fetched again.</summary>
    public sealed record PieceFailed(PieceIndex Piece) : SwarmEvent;

    /// <summary>A tracker answered or failed.</summary>
    public sealed record TrackerReplied(AnnounceResult Result) : SwarmEvent;

    /// <summary>The disk failed; the swarm waits, loses nothing, and tries again.</summary>
    public sealed record Paused(string Reason) : SwarmEvent;

    /// <summary>The disk works again.</summary>
    public sealed record Resumed : SwarmEvent;

    /// <summary>Pieces that were had turned out to be unreadable or changed on disk; they are no longer offered.</summary>
    /// <param name="Pieces">Those that are lost with this, in order.</param>
    /// <param name="PieceCount">How many pieces the torrent has.</param>
    /// <param name="LostCount">How many are given up by now: 0 while downloading, when they are fetched again.</param>
    /// <param name="Reason">Names the file.</param>
    public sealed record PiecesLost(IReadOnlyList<PieceIndex> Pieces, int PieceCount, int LostCount, string Reason) : SwarmEvent;

    /// <summary>The swarm has stopped; unfinished pieces that were spilled are listed with their blocks.</summary>
    public sealed record Stopped(IReadOnlyDictionary<PieceIndex, Bitfield> Partial) : SwarmEvent;
}
