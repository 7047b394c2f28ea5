namespace Shoal.Protocol.Trackers;

/// <summary>What an announce tells the tracker (BEP 3). The values are UDP's own (BEP 15).</summary>
public enum AnnounceEvent : byte
{
    /// <summary>One of the regular announces.</summary>
    None = 0,

    /// <summary>The download has just become complete.</summary>
    Completed = 1,

    /// <summary>The first announce.</summary>
    Started = 2,

    /// <summary>The last announce: the peer leaves.</summary>
    Stopped = 3,
}

/// <summary>
/// An announce, as a client sends it and as a tracker's core gets it (BEP 3, 7, 15, 23). Byte counts are of this run.
/// </summary>
/// <param name="InfoHash">The swarm.</param>
/// <param name="PeerId">The name of the peer.</param>
/// <param name="Address">
/// In a tracker: where the peer is, as the front end found out. In a client: the address to be made known instead of
/// the one that the tracker sees; none as a rule. Its port is not used by clients.
/// </param>
/// <param name="Port">The port at which the peer listens.</param>
/// <param name="Uploaded">Bytes sent.</param>
/// <param name="Downloaded">Bytes received.</param>
/// <param name="Left">Bytes still wanted; 0 makes a seeder. -1 where unknown (a magnet link).</param>
/// <param name="Event">Why it announces.</param>
/// <param name="WantedPeerCount">How many peers it would like; -1 leaves it to the tracker.</param>
/// <param name="Key">A number that stays with the client when its address changes.</param>
/// <param name="IsCompact">HTTP only: peers as a string (BEP 23) rather than as dictionaries.</param>
/// <param name="OmitsPeerId">HTTP only: dictionaries without peer ids will do.</param>
/// <param name="TrackerId">HTTP only, clients only: what an earlier reply asked to be told again.</param>
public readonly record struct AnnounceRequest(
    InfoHash InfoHash,
    PeerId PeerId,
    ushort Port,
    PeerAddress Address = default,
    long Uploaded = 0,
    long Downloaded = 0,
    long Left = 0,
    AnnounceEvent Event = AnnounceEvent.None,
    int WantedPeerCount = -1,
    uint Key = 0,
    bool IsCompact = true,
    bool OmitsPeerId = true,
    string? TrackerId = null)
{
    /// <summary>Whether the peer has everything it wants.</summary>
    public bool IsSeeder => Left == 0;
}
