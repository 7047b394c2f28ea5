using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Mpi.Jobs;
using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Hosting;

namespace Shoal.Mpi.Copying;

/// <summary>
/// This rank's part of the swarm: every rank that takes part is a peer, choking is off, and the hashes follow the layout. Keeps
/// count of what is had. Invariant: a piece is missing until it is had or given up. Used on the thread that calls MPI.
/// </summary>
internal sealed class CopySwarm
{
    /// <summary>
    /// Memory for pieces on their way to disk, for all copies of a node. With a quarter of it thirty nodes that fill their links take a quarter
    /// longer.
    /// </summary>
    private const long NodeBufferBytes = 32 << 20;

    /// <summary>
    /// What each copy has of it at least, unless <see cref="BufferPieceCount"/> pieces are more. Not much more than needed, so that many ranks of
    /// one node find room in the processors' caches: four times as much costs an eighth more processor time.
    /// </summary>
    private const long LeastBufferBytes = 8 << 20;

    private const int BufferPieceCount = 4;

    private readonly RankLoop _loop;
    private readonly Session _session;
    private readonly SwarmId _id;
    private readonly CopyPlan _plan;
    private readonly Bitfield _have;
    private readonly Bitfield _gone;

    /// <param name="world">The ranks.</param>
    /// <param name="plan">What they have agreed on.</param>
    /// <param name="store">Where the pieces lie.</param>
    /// <param name="have">The pieces that are right already.</param>
    /// <param name="wanted">The pieces to fetch from others; the rest comes by other ways.</param>
    /// <param name="fullMeshCount">See <see cref="CopyLinks.FullMeshCount"/>.</param>
    public CopySwarm(MpiWorld world, CopyPlan plan, CopyStore store, Bitfield have, Bitfield wanted, int fullMeshCount)
    {
        _plan = plan;
        _have = have.Clone();
        _gone = new Bitfield(plan.Layout.PieceCount);
        _session = new Session(new SessionOptions(new PeerId(RandomNumberGenerator.GetBytes(PeerId.Length)), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)))
        {
            MaximumConnectionCount = 2 * world.Size,
            MaximumHalfOpenCount = 2 * world.Size,
        });
        var neighbors = world.Leaders.Count(leader => leader == world.Leaders[world.Rank]);
        var copies = Math.Max(1, plan.Participants.Count(rank => world.Leaders[rank] == world.Leaders[world.Rank]));
        var bufferBytes = Math.Max(Math.Max(NodeBufferBytes / copies, LeastBufferBytes), BufferPieceCount * (long)plan.Layout.PieceLength);
        _loop = new RankLoop(world, _session, new SwarmHostOptions
        {
            RetainedSlotBytes = bufferBytes,
            DiskWorkerCount = Math.Clamp(Environment.ProcessorCount / neighbors, 1, 4),
        });
        _id = _session.Add(new SwarmOptions
        {
            InfoHash = plan.Job,
            MaximumConnectionCount = 2 * world.Size,
            IsTrusted = true,
            BufferBytes = bufferBytes,
            IsNear = address => world.Leaders[address.Rank] == world.Leaders[world.Rank],
            Self = PeerAddress.FromRank(world.Rank),
        });
        _loop.Host.Attach(_id, new SwarmResources { Layout = plan.Layout, Store = store, Recent = store.Recent, Hash = plan.Hasher.Hash, OnEvent = Take });
        foreach (var piece in Pieces(have))
        {
            HaveBytes += plan.Layout.LengthOf(piece);
        }

        MissingCount = plan.Layout.PieceCount - have.Count;
        // What is had is told when its hash is known: who fetched it before would hold a slot for it, until the hash comes or for ever.
        _loop.Host.Post(new Input(InputKind.ContentReady, _id, Detail: new ContentState(plan.Layout, default, new Bitfield(have.Length), wanted)));
        _loop.Host.Post(new Input(InputKind.Start, _id));
        int[] peers = [.. plan.Participants.Where(rank => !plan.Broken.ContainsKey(rank) || plan.Readers.Contains(rank))];
        foreach (var rank in CopyLinks.CalledBy(world.Rank, peers, world.Leaders, fullMeshCount))
        {
            _loop.Host.Post(new Input(InputKind.PeerFound, _id, Address: PeerAddress.FromRank(rank)));
        }
    }

    /// <summary>Moves the swarm on.</summary>
    public RankLoop Loop => _loop;

    /// <summary>Bytes of the pieces that are had.</summary>
    public long HaveBytes { get; private set; }

    /// <summary>Bytes that came from other ranks.</summary>
    public long FetchedBytes { get; private set; }

    /// <summary>Pieces that are neither had nor given up.</summary>
    public int MissingCount { get; private set; }

    /// <summary>Whether it has stopped.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Why the disk failed; null if it did not.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether all the file's pieces are had.</summary>
    public bool IsWhole(long offset, long length)
    {
        var range = _plan.Layout.PiecesOf(offset, length);
        return length == 0 || (_have.NextClear(range.First.Value) is var clear && (clear < 0 || clear >= range.End));
    }

    public bool Has(PieceIndex piece) => _have[piece];

    /// <summary>The piece has this hash; if it is had, others may come for it.</summary>
    public void HashKnown(PieceIndex piece, PieceHash hash)
    {
        _loop.Host.Post(Of(InputKind.PieceHashKnown, piece) with { Hash = hash });
        if (_have[piece])
        {
            Found(piece);
        }
    }

    /// <summary>The piece lies in its place, and its hash is known.</summary>
    public void Found(PieceIndex piece) => _loop.Host.Post(Of(InputKind.PieceFound, piece));

    /// <summary>The piece is to come from others, if it is not had.</summary>
    public void Want(PieceIndex piece)
    {
        if (!_have[piece])
        {
            _loop.Host.Post(Of(InputKind.PieceWanted, piece) with { Count = 1 });
        }
    }

    /// <summary>Nobody can read the piece.</summary>
    public void GiveUp(PieceIndex piece)
    {
        if (!_have[piece] && _gone.Set(piece.Value))
        {
            MissingCount--;
            _loop.Host.Post(Of(InputKind.PieceWanted, piece));
        }
    }

    public void Stop() => _loop.Host.Post(new Input(InputKind.Stop, _id));

    private Input Of(InputKind kind, PieceIndex piece) =>
        new(kind, _id, Message: new Protocol.Wire.PeerMessage(Protocol.Wire.PeerMessageKind.Piece, piece));

    private void Take(SwarmEvent happened)
    {
        switch (happened)
        {
            case SwarmEvent.PieceCompleted { Piece: var piece } when _have.Set(piece.Value):
                HaveBytes += _plan.Layout.LengthOf(piece);
                MissingCount -= _gone[piece] ? 0 : 1;
                break;
            case SwarmEvent.Paused { Reason: var reason }:
                Failure ??= reason;
                break;
            case SwarmEvent.PiecesLost { Reason: var reason }:
                Failure ??= reason;
                break;
            case SwarmEvent.Stopped:
                IsStopped = true;
                FetchedBytes = _session.StatusOf(_id)?.DownloadedBytes ?? 0;
                break;
            default:
                break;
        }
    }

    private static IEnumerable<PieceIndex> Pieces(Bitfield set)
    {
        for (var piece = set.NextSet(0); piece >= 0; piece = set.NextSet(piece + 1))
        {
            yield return new PieceIndex(piece);
        }
    }
}
