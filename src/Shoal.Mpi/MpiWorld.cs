using System.Runtime.InteropServices;
using System.Text;
using Shoal.Mpi.Native;

namespace Shoal.Mpi;

/// <summary>
/// The ranks of a job, and what all of them do together. Made, used and ended on one thread, which makes all calls of
/// MPI. No waiting here blocks inside MPI: a rank that waits tests, and leaves the core to others between tests.
/// </summary>
public sealed unsafe class MpiWorld : IDisposable
{
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

    /// <summary>How many ranks the launcher says it has started; null if this process has none, or one that says nothing.</summary>
    public static int? LaunchedCount => LauncherVariables.CountOf(Environment.GetEnvironmentVariable);

    /// <summary>Loads MPI and begins; see docs/mpi.md for how the library is chosen.</summary>
    /// <exception cref="MpiException">There is no MPI, it is not clear which, it does not start, or it is not the launcher's.</exception>
    public static MpiWorld Start()
    {
        var api = MpiApi.Load(Environment.GetEnvironmentVariable);
        api.Init();
        var world = new MpiWorld(api);
        if (world.Size > 1 || LaunchedCount is not > 1)
        {
            return world;
        }

        // A library that does not know its launcher takes itself for alone: each rank would do nothing, and end well.
        var text = $"{LaunchedCount} ranks were started, and {world.LibraryVersion.Split(',')[0]} knows of one: the launcher is of another MPI (see SHOAL_MPI, and --mpi of srun)";
        world.Dispose();
        throw new MpiException(text);
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
    public void Dispose()
    {
        _ = Max(0); // whoever is early waits here, politely, and not inside of MPI_Finalize
        Api.Free(_node);
        Api.Free(_communicator);
        Api.End();
    }

    /// <summary>Ends every rank of the job at once, when there is no other way.</summary>
    public void Abort(int exitCode) => Api.Abort(exitCode);

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
