using Shoal.Engine;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// The bounded queue before a machine, and the right to run its turn: whoever adds to it while nobody runs the turn
/// becomes the runner. So an input is handled by the thread that brings it, and never by two threads at once. If it
/// has an owner, that thread is the only runner, whoever adds.
/// </summary>
/// <param name="capacity">Inputs that may wait before those who add are held up, the runner excepted.</param>
/// <param name="owner">The managed id of the thread that runs all turns; 0 for whoever comes.</param>
internal sealed class Mailbox(int capacity, int owner = 0)
{
    private readonly object _gate = new();
    private readonly int _owner = owner;
    private Input[] _waiting = new Input[64];
    private Input[] _taken = new Input[64];
    private int _count;
    private int _held;
    private int _runner = owner; // managed thread id; 0: nobody
    private bool _isClosed;

    /// <summary>Whether nothing waits; a glance without the lock, good enough for who looks again soon.</summary>
    public bool IsEmpty => Volatile.Read(ref _count) == 0 && !Volatile.Read(ref _isClosed);

    /// <summary>Adds a batch. True if the caller must now run the turn: <see cref="Take"/> until it says no.</summary>
    public bool Add(ReadOnlySpan<Input> inputs)
    {
        lock (_gate)
        {
            var thread = Environment.CurrentManagedThreadId;
            while (_count >= capacity && _runner != 0 && _runner != thread && !_isClosed)
            {
                _held++;
                Monitor.Wait(_gate);
                _held--;
            }

            if (_isClosed)
            {
                return false;
            }

            if (_count + inputs.Length > _waiting.Length)
            {
                Array.Resize(ref _waiting, Math.Max(_count + inputs.Length, _waiting.Length * 2));
            }

            inputs.CopyTo(_waiting.AsSpan(_count));
            _count += inputs.Length;
            if (_runner != 0 || _count == 0)
            {
                return false;
            }

            _runner = thread;
            return true;
        }
    }

    /// <summary>
    /// For the runner: takes all that waits, valid until the next call. Empty: there is nothing, and the caller is the
    /// runner no more.
    /// </summary>
    public ReadOnlySpan<Input> Take()
    {
        lock (_gate)
        {
            if (_isClosed || _count == 0)
            {
                _runner = _isClosed ? 0 : _owner;
                Monitor.PulseAll(_gate); // for Close, which may wait for the end of a turn
                return default;
            }

            (_waiting, _taken) = (_taken, _waiting);
            var count = _count;
            _count = 0;
            if (_held > 0)
            {
                Monitor.PulseAll(_gate);
            }

            return _taken.AsSpan(0, count);
        }
    }

    /// <summary>
    /// For the runner: is the runner no more, though something may wait. One that was held up, the next that adds, or
    /// the first that calls <see cref="TryRun"/> goes on.
    /// </summary>
    public void Release()
    {
        lock (_gate)
        {
            _runner = 0;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Whether there is a turn to run and the caller is now its runner.</summary>
    public bool TryRun()
    {
        lock (_gate)
        {
            if (_runner != 0 || _count == 0)
            {
                return false;
            }

            _runner = Environment.CurrentManagedThreadId;
            return true;
        }
    }

    /// <summary>Nothing is taken any more; those held up are let go. Waits for another thread's turn to end.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
            while (_runner != 0 && _runner != Environment.CurrentManagedThreadId)
            {
                Monitor.Wait(_gate);
            }
        }
    }
}
