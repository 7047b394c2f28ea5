using System.Runtime.InteropServices;

namespace Shoal.Mpi.Native;

/// <summary>Something that MPI was asked to do and that ends later; one at a time, and used again afterwards.</summary>
internal abstract class Operation
{
    /// <summary>Its place among the pending ones; negative while it is not pending.</summary>
    public int Place { get; set; } = -1;

    /// <summary>It ended. The status is valid during the call.</summary>
    public abstract unsafe void Ended(MpiApi api, void* status);
}

/// <summary>
/// The operations that are under way, tested together with one call. Used by the one thread that calls MPI. Its bound is
/// what its users ask for: a few for each rank, and one for each reply slot and buffer in use.
/// </summary>
internal sealed unsafe class Requests(MpiApi api) : IDisposable
{
    private readonly List<Operation> _pending = [];
    private readonly List<Operation> _ended = [];
    private byte* _handles;
    private byte* _statuses;
    private int* _indices;
    private int _capacity;

    /// <summary>Operations under way.</summary>
    public int Count => _pending.Count;

    /// <summary>A place for the handle of a new operation, to be given to the call that begins it and then to <see cref="Add"/>.</summary>
    public void* NextHandle()
    {
        if (_pending.Count == _capacity)
        {
            Grow();
        }

        return HandleAt(_pending.Count);
    }

    /// <summary>The operation, whose handle was written to <see cref="NextHandle"/>, is under way.</summary>
    public void Add(Operation operation)
    {
        operation.Place = _pending.Count;
        _pending.Add(operation);
    }

    /// <summary>Tells all operations that have ended. Whether there was one.</summary>
    public bool Advance()
    {
        if (_pending.Count == 0)
        {
            return false;
        }

        var count = api.TestSome(_pending.Count, _handles, _indices, _statuses);
        if (count == 0)
        {
            return false;
        }

        for (var i = 0; i < count; i++)
        {
            _ended.Add(_pending[_indices[i]]);
        }

        foreach (var operation in _ended)
        {
            Remove(operation);
        }

        for (var i = 0; i < count; i++)
        {
            _ended[i].Ended(api, _statuses + (i * api.Abi.StatusSize));
        }

        _ended.Clear();
        return true;
    }

    /// <summary>
    /// Takes a receive back and returns true; false if its message was faster, which by then lies whole in its place.
    /// The operation is not told. May wait for the rest of a message that is coming in.
    /// </summary>
    public bool TakeBack(Operation operation)
    {
        var handle = HandleAt(operation.Place);
        var status = stackalloc byte[api.Abi.StatusSize];
        api.Cancel(handle);
        var patience = new Patience();
        while (!api.Test(handle, status))
        {
            patience.Wait(); // the sender has begun, and its side moves on by itself
        }

        Remove(operation);
        return api.WasCancelled(status);
    }

    public void Dispose()
    {
        NativeMemory.Free(_handles);
        NativeMemory.Free(_statuses);
        NativeMemory.Free(_indices);
    }

    private byte* HandleAt(int place) => _handles + (place * api.Abi.HandleSize);

    // The last one moves into the gap: the handles stay dense, as the call wants them.
    private void Remove(Operation operation)
    {
        var last = _pending.Count - 1;
        if (operation.Place != last)
        {
            new ReadOnlySpan<byte>(HandleAt(last), api.Abi.HandleSize).CopyTo(new Span<byte>(HandleAt(operation.Place), api.Abi.HandleSize));
            _pending[operation.Place] = _pending[last];
            _pending[operation.Place].Place = operation.Place;
        }

        _pending.RemoveAt(last);
        operation.Place = -1;
    }

    private void Grow()
    {
        _capacity = Math.Max(64, _capacity * 2);
        _handles = (byte*)NativeMemory.Realloc(_handles, (nuint)(_capacity * api.Abi.HandleSize));
        _statuses = (byte*)NativeMemory.Realloc(_statuses, (nuint)(_capacity * api.Abi.StatusSize));
        _indices = (int*)NativeMemory.Realloc(_indices, (nuint)(_capacity * sizeof(int)));
    }
}
