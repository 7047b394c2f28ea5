using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Shoal.Mpi.Links;
using Shoal.Mpi.Native;

namespace Shoal.Mpi;

/// <summary>
/// The ranks of a job, and what all of them do together. Made, used and ended on one thread, which makes all calls of
/// MPI. No waiting here blocks inside MPI: a rank that waits tests, and leaves the core to others between tests.
/// </summary>
public sealed unsafe partial class MpiWorld : IDisposable
{
    private static readonly TimeSpan FinalizeLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(50);

    private readonly nint _communicator;
    private readonly nint _node;

    private MpiWorld(MpiApi api)
    {
        Api = api;
        _communicator = api.Duplicate(api.Abi.World);
        Rank = api.RankIn(_communicator);
        Size = api.SizeOf(_communicator);
        _node = api.SplitByNode(_communicator);
        NodeRank = api.RankIn(_node);
        Leaders = Gather(BitConverter.GetBytes(LeaderOf())).Select(bytes => BitConverter.ToInt32(bytes)).ToArray();
    }

    /// <summary>This rank.</summary>
    public int Rank { get; }

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>This rank's number among those of its node.</summary>
    public int NodeRank { get; }

    /// <summary>For each rank the lowest rank on its node: equal for ranks that share a node.</summary>
    public IReadOnlyList<int> Leaders { get; internal set; }

    /// <summary>Which MPI this is, in its own words.</summary>
    public string LibraryVersion => Api.Version;

    /// <summary>The name of this node.</summary>
    public string NodeName => Api.ProcessorName;

    internal MpiApi Api { get; }

    internal nint Communicator => _communicator;

    /// <summary>Loads MPI and begins; see docs/mpi.md for how the library is chosen.</summary>
    /// <exception cref="MpiException">There is no MPI, it is not clear which, it does not start, or it is not the launcher's.</exception>
    public static MpiWorld Start()
    {
        var api = MpiApi.Load(Environment.GetEnvironmentVariable);
        api.Init();
        var world = new MpiWorld(api);
        if (world.Size == 1 && LaunchedCount() is > 1 and var count)
        {
            world.Dispose();
            throw new MpiException(
                $"{count} processes were started, but the MPI library that was loaded knows nothing of it, and each is alone: " +
                "set SHOAL_MPI to the launcher's own MPI; under srun, Open MPI wants --mpi=pmix, and MPICH --mpi=pmi2");
        }

        return world;
    }

    /// <summary>The greatest of all ranks' values, on every rank. All ranks must call.</summary>
    public int Max(int value)
    {
        var maximum = 0;
        var handle = 0L;
        Api.IallreduceMax(&value, &maximum, 1, _communicator, &handle);
        Await(&handle);
        return maximum;
    }

    /// <summary>Each rank's bytes, in order of ranks, on every rank. All ranks must call; lengths may differ.</summary>
    public byte[][] Gather(ReadOnlySpan<byte> mine)
    {
        var length = Max(mine.Length) + sizeof(int);
        var one = (byte*)NativeMemory.AllocZeroed((nuint)length);
        var all = (byte*)NativeMemory.Alloc((nuint)length * (nuint)Size);
        try
        {
            *(int*)one = mine.Length;
            mine.CopyTo(new Span<byte>(one + sizeof(int), mine.Length));
            var handle = 0L;
            Api.Iallgather(one, length, all, _communicator, &handle);
            Await(&handle);
            var parts = new byte[Size][];
            for (var rank = 0; rank < Size; rank++)
            {
                var part = all + ((nint)rank * length);
                parts[rank] = new ReadOnlySpan<byte>(part + sizeof(int), *(int*)part).ToArray();
            }

            return parts;
        }
        finally
        {
            NativeMemory.Free(one);
            NativeMemory.Free(all);
        }
    }

    /// <summary>The root's bytes, on every rank. All ranks must call; what the others give is passed over.</summary>
    public byte[] Broadcast(int root, ReadOnlySpan<byte> mine)
    {
        var bytes = new byte[Max(Rank == root ? mine.Length : 0)];
        if (Rank == root)
        {
            mine.CopyTo(bytes);
        }

        fixed (byte* pinned = bytes)
        {
            var handle = 0L;
            Api.Ibcast(pinned, bytes.Length, root, _communicator, &handle);
            Await(&handle);
        }

        return bytes;
    }

    /// <summary>One line that names two ranks with different texts, on every rank; null if all are the same. All ranks must call.</summary>
    public string? FindDifference(string mine)
    {
        var all = Gather(Encoding.UTF8.GetBytes(mine)).Select(Encoding.UTF8.GetString).ToArray();
        var other = Array.FindIndex(all, text => text != all[0]);
        return other < 0 ? null : $"rank {other} was started with {all[other]}, and rank 0 with {all[0]}: they must be the same on all ranks";
    }

    /// <summary>Ends MPI, in good order; every rank must come here before any exits.</summary>
    public void Dispose() => End(0);

    /// <summary>
    /// The same, by a rank that is going to exit with this code and has nothing more to say. One that does not come back from
    /// MPI_Finalize (see <see cref="TakeLeave"/>) exits at once: by then all ranks have done everything.
    /// </summary>
    public void End(int exitCode)
    {
        _ = Max(0); // whoever is early waits here, politely, and not inside of MPI_Finalize
        TakeLeave();
        Api.Free(_node);
        Api.Free(_communicator);
        using var late = new Timer(_ => Exit(exitCode), null, FinalizeLimit, Timeout.InfiniteTimeSpan);
        Api.End();
    }

    /// <summary>Ends every rank of the job at once, when there is no other way.</summary>
    public void Abort(int exitCode) => Api.Abort(exitCode);

    /// <summary>Processes of this job as the launchers' variables have it, the fewest if one launcher runs inside another; 1 without a launcher.</summary>
    public static int LaunchedCount() =>
        ((string[])["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"])
        .Select(name => int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var count) ? count : 0)
        .Where(count => count > 0)
        .DefaultIfEmpty(1)
        .Min();

    // Not Environment.Exit: that would run what the libraries want done at the end, beside a thread that is inside of them.
    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);

    // MPICH before 4.2 over UCX and TCP hangs in MPI_Finalize between nodes (its pull request 6596): each rank there asks all to whom
    // it sent anything since to acknowledge it, and once all did, waits where it acknowledges nothing any more; who asks it after
    // that, asks for ever. With a last message both ways between every two, each waits for the other, whose question goes out
    // before its answer, provided that it is in MPI_Finalize too: hence the silence, in which those who are behind catch up.
    private void TakeLeave()
    {
        if (Api.Abi.Family == MpiFamily.OpenMpi || Leaders.Distinct().Count() == 1)
        {
            return;
        }

        var others = Enumerable.Range(0, Size).Where(rank => Leaders[rank] != Leaders[Rank]).ToArray();
        fixed (long* handles = new long[2 * others.Length])
        {
            var handle = handles;
            foreach (var other in others)
            {
                Api.Irecv(null, 0, other, Tags.Leave, _communicator, handle++);
                Api.Isend(null, 0, other, Tags.Leave, _communicator, handle++);
            }

            while (handle > handles)
            {
                Await(--handle);
            }
        }

        Thread.Sleep(Silence);
    }

    private int LeaderOf()
    {
        var mine = -Rank;
        var maximum = 0;
        var handle = 0L;
        Api.IallreduceMax(&mine, &maximum, 1, _node, &handle);
        Await(&handle);
        return -maximum;
    }

    private void Await(void* handle)
    {
        var status = stackalloc byte[Api.Abi.StatusSize];
        var patience = new Patience();
        while (!Api.Test(handle, status))
        {
            patience.Wait();
        }
    }
}
