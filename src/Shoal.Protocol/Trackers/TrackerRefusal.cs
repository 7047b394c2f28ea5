namespace Shoal.Protocol.Trackers;

/// <summary>Why a tracker refuses an announce or a scrape, for who counts them.</summary>
public enum TrackerRefusal
{
    /// <summary>It is malformed.</summary>
    BadRequest,

    /// <summary>The tracker does not serve that torrent.</summary>
    NotServed,

    /// <summary>The torrent is for members, and this is none of them.</summary>
    NotMember,

    /// <summary>There is no room for another swarm or peer.</summary>
    Full,

    /// <summary>A trusted proxy does not say for whom it asks.</summary>
    ProxyNamesNobody,

    /// <summary>There are as many clients as the tracker allows.</summary>
    TooManyClients,
}
