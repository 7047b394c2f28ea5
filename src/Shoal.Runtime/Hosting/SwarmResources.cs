using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Engine;
using Shoal.Protocol;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// What one swarm needs of the world. The callbacks run within a turn: they must be quick, and must neither block nor throw.
/// </summary>
public sealed record SwarmResources
{
    /// <summary>How the content is cut; null until it is known.</summary>
    public PieceLayout? Layout { get; init; }

    /// <summary>Where the pieces lie; null until the layout is known. Belongs to the caller, who disposes of it after detaching.</summary>
    public IPieceStore? Store { get; init; }

    /// <summary>
    /// Gets the pieces that were written, in the memory that they came to, which stays a part of <see cref="SwarmHostOptions.MaximumSlotBytes"/>; for a store
    /// that lends them (<see cref="IPieceStore.TryLend"/>). Nobody. Belongs to the caller, who disposes of it after detaching.
    /// </summary>
    public RecentPieces? Recent { get; init; }

    /// <summary>Hashes a piece; on several threads at once. SHA-1.</summary>
    public Func<ReadOnlySpan<byte>, PieceHash> Hash { get; init; } = Storage.PieceHasher.Hash;

    /// <summary>Gets every event of the swarm, in order.</summary>
    public Action<SwarmEvent>? OnEvent { get; init; }

    /// <summary>Begins an announce; its result is posted as <see cref="InputKind.Announced"/>.</summary>
    public Action<AnnounceOrder>? OnAnnounce { get; init; }
}

/// <summary>Limits of a <see cref="SwarmHost"/>.</summary>
public sealed record SwarmHostOptions
{
    /// <summary>Inputs that may wait before those who post from I/O are held up. 4096.</summary>
    public int MailboxCapacity { get; init; } = 4096;

    /// <summary>
    /// Bytes of piece memory in use at once. The engine is configured below it; going beyond is an error of ours and
    /// stops the host. 1 GiB.
    /// </summary>
    public long MaximumSlotBytes { get; init; } = 1L << 30;

    /// <summary>Bytes of released piece memory kept for the next piece, because fresh memory is many times slower. 64 MiB.</summary>
    public long RetainedSlotBytes { get; init; } = 64L << 20;

    /// <summary>Is told of links, and why the host stopped. Nobody.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>
    /// Threads that hash, write and read pieces; 0 to do so within turns, where pieces are small and lie in memory. As many as
    /// processors, but 2 to 4.
    /// </summary>
    public int DiskWorkerCount { get; init; } = Math.Clamp(Environment.ProcessorCount, 2, 4);

    /// <summary>
    /// Whether the thread that makes the host runs all its turns, by <see cref="SwarmHost.Drive"/>: for transports that
    /// belong to one thread, as MPI does. Else whoever brings an input runs the turn. False.
    /// </summary>
    public bool IsDriven { get; init; }
}
