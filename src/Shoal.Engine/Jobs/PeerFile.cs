namespace Shoal.Engine.Jobs;

/// <summary>How far a file is at a peer.</summary>
internal enum FileStage : byte
{
    /// <summary>Wanted; its turn has not come.</summary>
    Waiting,

    /// <summary>Owned; its swarm is being opened.</summary>
    OpeningOwned,

    /// <summary>The tracker is asked for its hashes.</summary>
    Asking,

    /// <summary>Its hashes are known; others hold the memory that it will need.</summary>
    AwaitingMemory,

    /// <summary>Its swarm is being opened.</summary>
    Opening,

    /// <summary>It is in its swarm, and transfers.</summary>
    Fetching,

    /// <summary>All of it is here.</summary>
    Complete,

    /// <summary>It will never be complete.</summary>
    Failed,
}

/// <summary>A file that a peer owns or wants.</summary>
internal sealed class PeerFile(string name)
{
    public string Name { get; } = name;

    public FileStage Stage { get; set; }

    /// <summary>Whether its swarm was asked to be opened and has not stopped.</summary>
    public bool IsOpen { get; set; }

    /// <summary>Whether the others in its swarm have been named to it.</summary>
    public bool HasMet { get; set; }

    /// <summary>Bytes that its segments may take while it is fetched.</summary>
    public long BufferBytes { get; set; }

    /// <summary>Segments that came.</summary>
    public int SegmentCount { get; set; }
}

/// <summary>Holders of a file that were asked how much they have uploaded, and those that have answered.</summary>
internal sealed class LoadRound(PeerFile file, int holderCount)
{
    public PeerFile File { get; } = file;

    public int HolderCount { get; } = holderCount;

    public List<(int Rank, long UploadedCount)> Loads { get; } = [];
}
