using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;

namespace Shoal.Mpi.Native;

/// <summary>
/// The calls of MPI that we make, bound to the library found at run time, each with its error code checked and named.
/// Handles are as wide as an address here whatever the family; see <see cref="MpiAbi"/>. One thread makes all calls.
/// None of them waits for another rank, but for <see cref="Init"/> and <see cref="End"/>, as MPI has it, and <see cref="Bcast"/>.
/// </summary>
[SuppressMessage("Design", "MA0051", Justification = "a table of symbols")]
internal sealed unsafe class MpiApi
{
    private const int MaximumTextLength = 1024; // more than any MPI_MAX_ERROR_STRING or MPI_MAX_PROCESSOR_NAME

    private readonly delegate* unmanaged<int*, void*, int, int*, int> _initThread;
    private readonly delegate* unmanaged<int> _finalize;
    private readonly delegate* unmanaged<nint, int, int> _abort;
    private readonly delegate* unmanaged<nint, nint, int> _commSetErrhandler;
    private readonly delegate* unmanaged<nint, int*, int> _commRank;
    private readonly delegate* unmanaged<nint, int*, int> _commSize;
    private readonly delegate* unmanaged<nint, nint*, int> _commDup;
    private readonly delegate* unmanaged<nint, int, int, nint, nint*, int> _commSplitType;
    private readonly delegate* unmanaged<nint*, int> _commFree;
    private readonly delegate* unmanaged<int, byte*, int*, int> _errorString;
    private readonly delegate* unmanaged<byte*, int*, int> _getProcessorName;
    private readonly delegate* unmanaged<byte*, int*, int> _getLibraryVersion;
    private readonly delegate* unmanaged<void*, int, nint, int, int, nint, void*, int> _isend;
    private readonly delegate* unmanaged<void*, int, nint, int, int, nint, void*, int> _irecv;
    private readonly delegate* unmanaged<int, int, nint, int*, nint*, void*, int> _improbe;
    private readonly delegate* unmanaged<void*, int, nint, nint*, void*, int> _imrecv;
    private readonly delegate* unmanaged<void*, int*, void*, int> _test;
    private readonly delegate* unmanaged<int, void*, int*, int*, void*, int> _testSome;
    private readonly delegate* unmanaged<void*, int> _cancel;
    private readonly delegate* unmanaged<void*, int*, int> _testCancelled;
    private readonly delegate* unmanaged<void*, nint, int*, int> _getCount;
    private readonly delegate* unmanaged<void*, void*, int, nint, nint, nint, void*, int> _iallreduce;
    private readonly delegate* unmanaged<void*, int, nint, void*, int, nint, nint, void*, int> _iallgather;
    private readonly delegate* unmanaged<void*, int, nint, int, nint, void*, int> _ibcast;
    private readonly delegate* unmanaged<void*, int, nint, int, nint, int> _bcast;

    private readonly nint _library;

    private MpiApi(nint library, MpiFamily family)
    {
        _library = library;
        Abi = MpiAbi.Of(family, library);
        _initThread = (delegate* unmanaged<int*, void*, int, int*, int>)Symbol("MPI_Init_thread");
        _finalize = (delegate* unmanaged<int>)Symbol("MPI_Finalize");
        _abort = (delegate* unmanaged<nint, int, int>)Symbol("MPI_Abort");
        _commSetErrhandler = (delegate* unmanaged<nint, nint, int>)Symbol("MPI_Comm_set_errhandler");
        _commRank = (delegate* unmanaged<nint, int*, int>)Symbol("MPI_Comm_rank");
        _commSize = (delegate* unmanaged<nint, int*, int>)Symbol("MPI_Comm_size");
        _commDup = (delegate* unmanaged<nint, nint*, int>)Symbol("MPI_Comm_dup");
        _commSplitType = (delegate* unmanaged<nint, int, int, nint, nint*, int>)Symbol("MPI_Comm_split_type");
        _commFree = (delegate* unmanaged<nint*, int>)Symbol("MPI_Comm_free");
        _errorString = (delegate* unmanaged<int, byte*, int*, int>)Symbol("MPI_Error_string");
        _getProcessorName = (delegate* unmanaged<byte*, int*, int>)Symbol("MPI_Get_processor_name");
        _getLibraryVersion = (delegate* unmanaged<byte*, int*, int>)Symbol("MPI_Get_library_version");
        _isend = (delegate* unmanaged<void*, int, nint, int, int, nint, void*, int>)Symbol("MPI_Isend");
        _irecv = (delegate* unmanaged<void*, int, nint, int, int, nint, void*, int>)Symbol("MPI_Irecv");
        _improbe = (delegate* unmanaged<int, int, nint, int*, nint*, void*, int>)Symbol("MPI_Improbe");
        _imrecv = (delegate* unmanaged<void*, int, nint, nint*, void*, int>)Symbol("MPI_Imrecv");
        _test = (delegate* unmanaged<void*, int*, void*, int>)Symbol("MPI_Test");
        _testSome = (delegate* unmanaged<int, void*, int*, int*, void*, int>)Symbol("MPI_Testsome");
        _cancel = (delegate* unmanaged<void*, int>)Symbol("MPI_Cancel");
        _testCancelled = (delegate* unmanaged<void*, int*, int>)Symbol("MPI_Test_cancelled");
        _getCount = (delegate* unmanaged<void*, nint, int*, int>)Symbol("MPI_Get_count");
        _iallreduce = (delegate* unmanaged<void*, void*, int, nint, nint, nint, void*, int>)Symbol("MPI_Iallreduce");
        _iallgather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, void*, int>)Symbol("MPI_Iallgather");
        _ibcast = (delegate* unmanaged<void*, int, nint, int, nint, void*, int>)Symbol("MPI_Ibcast");
        _bcast = (delegate* unmanaged<void*, int, nint, int, nint, int>)Symbol("MPI_Bcast");
    }

    /// <summary>The constants of the library's family.</summary>
    public MpiAbi Abi { get; }

    /// <summary>The library's own words about itself, in one line.</summary>
    public string Version => Text(_getLibraryVersion, "MPI_Get_library_version");

    /// <summary>The name of this node.</summary>
    public string ProcessorName => Text(_getProcessorName, "MPI_Get_processor_name");

    /// <summary>Finds and binds the library; see <see cref="MpiLibrary.Load"/>.</summary>
    /// <exception cref="MpiException">There is none, or it lacks a call that we need.</exception>
    public static MpiApi Load(Func<string, string?> variable)
    {
        var (library, family) = MpiLibrary.Load(variable);
        return new MpiApi(library, family);
    }

    /// <summary>
    /// Initializes MPI, so that errors return. We ask for the highest thread level because other threads of this process
    /// live beside the one that calls; all that is needed is the lowest.
    /// </summary>
    public void Init()
    {
        int provided;
        Check(_initThread(null, null, Abi.ThreadMultiple, &provided), "MPI_Init_thread");
        Check(_commSetErrhandler(Abi.World, Abi.ErrorsReturn), "MPI_Comm_set_errhandler");
    }

    public void End() => Check(_finalize(), "MPI_Finalize");

    /// <summary>Ends every rank of the job at once.</summary>
    public void Abort(int exitCode) => _abort(Abi.World, exitCode);

    public int RankIn(nint communicator)
    {
        int rank;
        Check(_commRank(communicator, &rank), "MPI_Comm_rank");
        return rank;
    }

    public int SizeOf(nint communicator)
    {
        int size;
        Check(_commSize(communicator, &size), "MPI_Comm_size");
        return size;
    }

    /// <summary>A communicator of its own over the same ranks, so that nobody else's messages meet ours. Collective.</summary>
    public nint Duplicate(nint communicator)
    {
        nint copy = 0;
        Check(_commDup(communicator, &copy), "MPI_Comm_dup");
        Check(_commSetErrhandler(copy, Abi.ErrorsReturn), "MPI_Comm_set_errhandler");
        return copy;
    }

    /// <summary>The ranks that share this node's memory. Collective.</summary>
    public nint SplitByNode(nint communicator)
    {
        nint node = 0;
        Check(_commSplitType(communicator, Abi.CommTypeShared, 0, Abi.InfoNull, &node), "MPI_Comm_split_type");
        Check(_commSetErrhandler(node, Abi.ErrorsReturn), "MPI_Comm_set_errhandler");
        return node;
    }

    public void Free(nint communicator) => Check(_commFree(&communicator), "MPI_Comm_free");

    /// <summary>Begins to send bytes; the request is written as wide as <see cref="MpiAbi.HandleSize"/>.</summary>
    public void Isend(void* bytes, int count, int rank, int tag, nint communicator, void* request) =>
        Check(_isend(bytes, count, Abi.Byte, rank, tag, communicator, request), "MPI_Isend");

    public void Irecv(void* bytes, int count, int rank, int tag, nint communicator, void* request) =>
        Check(_irecv(bytes, count, Abi.Byte, rank, tag, communicator, request), "MPI_Irecv");

    /// <summary>Whether a message with the tag, from any rank, waits that nobody has asked to receive; if so it is now ours to receive.</summary>
    public bool Improbe(int tag, nint communicator, nint* message, void* status)
    {
        int found;
        *message = 0;
        Check(_improbe(Abi.AnySource, tag, communicator, &found, message, status), "MPI_Improbe");
        return found != 0;
    }

    public void Imrecv(void* bytes, int count, nint* message, void* request) =>
        Check(_imrecv(bytes, count, Abi.Byte, message, request), "MPI_Imrecv");

    /// <summary>Whether the request is done; then it is null.</summary>
    public bool Test(void* request, void* status)
    {
        int done;
        Check(_test(request, &done, status), "MPI_Test");
        return done != 0;
    }

    /// <summary>How many of the requests are done; their places are written to <paramref name="indices"/>, and they are null.</summary>
    public int TestSome(int count, void* requests, int* indices, void* statuses)
    {
        int done;
        var code = _testSome(count, requests, &done, indices, statuses);
        if (code != 0)
        {
            // The code only says "see the statuses": the first that holds an error tells more.
            for (var i = 0; i < done; i++)
            {
                Check(ErrorOf((byte*)statuses + (i * Abi.StatusSize)), "MPI_Testsome");
            }

            Check(code, "MPI_Testsome");
        }

        return Math.Max(done, 0); // MPI_UNDEFINED, which is negative, if all were null
    }

    /// <summary>Takes a receive back, unless its message is already coming in; which of both the status of its end says.</summary>
    public void Cancel(void* request) => Check(_cancel(request), "MPI_Cancel");

    public bool WasCancelled(void* status)
    {
        int flag;
        Check(_testCancelled(status, &flag), "MPI_Test_cancelled");
        return flag != 0;
    }

    /// <summary>Bytes that a message has.</summary>
    public int CountOf(void* status)
    {
        int count;
        Check(_getCount(status, Abi.Byte, &count), "MPI_Get_count");
        return count;
    }

    public int SourceOf(void* status) => *(int*)((byte*)status + Abi.StatusSource);

    public int TagOf(void* status) => *(int*)((byte*)status + Abi.StatusTag);

    /// <summary>Begins to find each place's maximum over all ranks.</summary>
    public void IallreduceMax(int* mine, int* maximum, int count, nint communicator, void* request) =>
        Check(_iallreduce(mine, maximum, count, Abi.Int, Abi.Max, communicator, request), "MPI_Iallreduce");

    /// <summary>Begins to gather the same number of bytes from each rank, in the order of ranks.</summary>
    public void Iallgather(void* mine, int count, void* all, nint communicator, void* request) =>
        Check(_iallgather(mine, count, Abi.Byte, all, count, Abi.Byte, communicator, request), "MPI_Iallgather");

    /// <summary>Begins to give the root's bytes to all.</summary>
    public void Ibcast(void* bytes, int count, int root, nint communicator, void* request) =>
        Check(_ibcast(bytes, count, Abi.Byte, root, communicator, request), "MPI_Ibcast");

    /// <summary>The broadcast that the benchmark compares with. Blocks.</summary>
    public void Bcast(void* bytes, int count, int root, nint communicator) =>
        Check(_bcast(bytes, count, Abi.Byte, root, communicator), "MPI_Bcast");

    private int ErrorOf(byte* status) => *(int*)(status + Abi.StatusError);

    private void Check(int code, string call)
    {
        if (code != 0)
        {
            throw new MpiException($"{call} failed: {Describe(code)}");
        }
    }

    private string Describe(int code)
    {
        var text = stackalloc byte[MaximumTextLength];
        int length;
        return _errorString(code, text, &length) == 0 ? OneLine(text, length) : $"error {code}";
    }

    private string Text(delegate* unmanaged<byte*, int*, int> call, string name)
    {
        // MPICH's version tells of its whole build, in 8 KiB.
        var text = stackalloc byte[8 * MaximumTextLength];
        int length;
        Check(call(text, &length), name);
        return OneLine(text, length);
    }

    private static string OneLine(byte* text, int length)
    {
        var line = new ReadOnlySpan<byte>(text, length);
        var end = line.IndexOfAny((byte)'\n', (byte)0);
        return Encoding.UTF8.GetString(end < 0 ? line : line[..end]).Trim();
    }

    private nint Symbol(string name) => NativeLibrary.TryGetExport(_library, name, out var address)
        ? address
        : throw new MpiException($"the MPI library lacks {name}: it must be of MPI 3.0 or newer");
}
