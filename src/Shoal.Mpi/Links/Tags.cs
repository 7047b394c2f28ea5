namespace Shoal.Mpi.Links;

/// <summary>
/// The tags of all messages between ranks, in one table. A tag tells what its messages are: no two classes can be taken
/// for each other. Messages of one tag keep their order between two ranks; between different tags nothing is assumed.
/// </summary>
/// <remarks>MPI guarantees tags up to 32,767.</remarks>
public static class Tags
{
    /// <summary>All that links say but payloads: many records a message, see <see cref="ControlRecord"/>.</summary>
    public const int Control = 1;

    /// <summary>From a peer to the rank that is the tracker.</summary>
    public const int TrackerRequest = 2;

    /// <summary>From the tracker to a peer.</summary>
    public const int TrackerReply = 3;

    /// <summary>How much a peer has uploaded, to whoever asked.</summary>
    public const int Load = 4;

    /// <summary>How far a rank is, for the one who shows it.</summary>
    public const int Progress = 5;

    /// <summary>Pieces with their hashes, from the rank that read and hashed them.</summary>
    public const int PieceHash = 6;

    /// <summary>What the first rank of a copy tells the others, and what a reader tells of what it cannot read.</summary>
    public const int Job = 7;

    /// <summary>The last message of a rank to each on other nodes, empty; see <see cref="MpiWorld"/>.</summary>
    public const int Leave = 8;

    /// <summary>The payload of one block, bare: the reply slot that its request named is what goes beyond this.</summary>
    public const int FirstPayload = 1024;

    /// <summary>Reply slots that a rank may have.</summary>
    public const int ReplySlotCount = 8192;

    /// <summary>The tag's name, as reports and traces have it.</summary>
    public static string NameOf(int tag) => tag switch
    {
        Control => "control",
        TrackerRequest => "tracker-request",
        TrackerReply => "tracker-reply",
        Load => "load",
        Progress => "progress",
        PieceHash => "piece-hash",
        Job => "job",
        Leave => "leave",
        >= FirstPayload and < FirstPayload + ReplySlotCount => "payload",
        _ => "unknown",
    };
}
