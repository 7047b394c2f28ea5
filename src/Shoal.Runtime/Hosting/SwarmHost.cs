using Microsoft.Extensions.Logging;
using Shoal.Engine;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// Drives one <see cref="IMachine"/> in the real world: what links, workers and users post goes through a bounded
/// mailbox, and the thread that posts runs the turn if no other does, so that a block goes from the socket through the
/// engine to the next request without changing threads. Thread-safe, but for what runs within a turn. An exception out
/// of the machine is a broken invariant: the host stops, and <see cref="Completion"/> fails with it.
/// </summary>
public sealed class SwarmHost : ILinkEvents, IThreadPoolWorkItem, IAsyncDisposable
{
    // A thread that has run so many batches for others gets back to its own work.
    private const int BatchesBeforeHandOver = 64;

    private readonly Mailbox _mailbox;
    private readonly Executor _executor;
    private readonly IMachine _machine;
    private readonly DiskWorkers _workers;
    private readonly SlotMemory _memory;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly long _epoch;
    private readonly bool _isDriven;
    private readonly ITimer _timer;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Instant _armed = Instant.Never;
    private int _isStopped;

    /// <summary>A host for the machine, which from now on belongs to it.</summary>
    public SwarmHost(IMachine machine, ILinkTransport transport, SwarmHostOptions? options = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(transport);
        options ??= new SwarmHostOptions();
        _machine = machine;
        _time = time ?? TimeProvider.System;
        _epoch = _time.GetTimestamp();
        _isDriven = options.IsDriven;
        _logger = options.Logger;
        _mailbox = new Mailbox(options.MailboxCapacity, _isDriven ? Environment.CurrentManagedThreadId : 0);
        _memory = new SlotMemory(options.MaximumSlotBytes, options.RetainedSlotBytes);
        _workers = new DiskWorkers(options.DiskWorkerCount, this, Fail);
        _executor = new Executor(machine, transport, _workers, _memory, _logger);
        var onTimer = new Input(InputKind.Timer, Detail: new Action(() => _armed = Instant.Never));
        _timer = _time.CreateTimer(_ => Post(onTimer), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        transport.Bind(this);
    }

    /// <summary>Ends when the host was disposed of; fails if the machine threw.</summary>
    public Task Completion => _completion.Task;

    /// <summary>The time as the machine is told it.</summary>
    public Instant Now => new((long)(_time.GetElapsedTime(_epoch).Ticks * 100));

    /// <summary>
    /// Makes known what a swarm needs, before the machine is first told of it; again, with layout and store, before
    /// ContentReady. Takes effect in order with what is posted.
    /// </summary>
    public void Attach(SwarmId swarm, SwarmResources resources)
    {
        ArgumentNullException.ThrowIfNull(resources);
        Run(() => _executor.Attach(swarm, resources));
    }

    /// <summary>Forgets a swarm after its event Stopped, and frees its memory. Jobs that run must have been answered.</summary>
    public void Detach(SwarmId swarm) => Run(() => _executor.Detach(swarm));

    /// <summary>Runs the action within a turn: the one place where the machine may be looked into.</summary>
    public void Run(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        Post(new Input(InputKind.Timer, Detail: action));
    }

    /// <summary>Asks the machine something, within a turn. The question must not throw.</summary>
    /// <exception cref="ObjectDisposedException">The host stopped before it could answer.</exception>
    public async Task<T> AskAsync<T>(Func<T> question)
    {
        ArgumentNullException.ThrowIfNull(question);
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Run(() => answer.TrySetResult(question()));
        await Task.WhenAny(answer.Task, Completion);
        return answer.Task.IsCompleted ? await answer.Task : throw new ObjectDisposedException(nameof(SwarmHost));
    }

    /// <summary>Posts one input.</summary>
    public void Post(in Input input) => Post(new ReadOnlySpan<Input>(in input));

    /// <inheritdoc/>
    public void Post(ReadOnlySpan<Input> inputs)
    {
        if (_mailbox.Add(inputs))
        {
            RunTurns();
        }
    }

    /// <summary>
    /// Runs the turns that wait, of a host that is driven (<see cref="SwarmHostOptions.IsDriven"/>); on the thread that
    /// made it. Whether there were any.
    /// </summary>
    public bool Drive()
    {
        if (!_isDriven)
        {
            throw new InvalidOperationException("this host runs its turns by itself");
        }

        if (_mailbox.IsEmpty)
        {
            return false;
        }

        RunTurns();
        return true;
    }

    /// <summary>Goes on with turns that another thread has run for long enough.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        if (_mailbox.TryRun())
        {
            RunTurns();
        }
    }

    /// <summary>
    /// Stops at once: no further turn, links closed, workers ended. To stop politely, post Stop first and wait for the
    /// event Stopped.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        Stop(null);
        await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // another thread may have begun to stop it
    }

    private void RunTurns()
    {
        try
        {
            for (var batches = 0; ; batches++)
            {
                if (batches == BatchesBeforeHandOver)
                {
                    if (_isDriven)
                    {
                        return; // its driver has links to move on, and comes back
                    }

                    _mailbox.Release();
                    ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                    return;
                }

                var inputs = _mailbox.Take();
                if (inputs.IsEmpty)
                {
                    return;
                }

                Turn(inputs);
            }
        }
#pragma warning disable CA1031 // whoever posted is not to blame: the host stops and says why
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Fail(exception);
        }
    }

    private void Turn(ReadOnlySpan<Input> inputs)
    {
        var now = Now;
        foreach (ref readonly var input in inputs)
        {
            if (input.Detail is Action action)
            {
                action();
                continue;
            }

            if (_executor.TryAdmit(input, out var admitted))
            {
                _machine.Handle(now, admitted);
                _executor.Drain();
            }
        }

        if (_machine.Deadline <= now)
        {
            _machine.Handle(now, new Input(InputKind.Timer));
            _executor.Drain();
        }

        _executor.Flush();
        Arm(now);
    }

    // A timer that goes off too early is cheaper than one that is set again in each turn: only an earlier deadline sets it.
    private void Arm(Instant now)
    {
        var deadline = _machine.Deadline;
        if (deadline < _armed)
        {
            _armed = deadline;
            var wait = deadline - now;
            wait = TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(wait.TotalMilliseconds), 1, int.MaxValue - 1));
            _timer.Change(wait, Timeout.InfiniteTimeSpan);
        }
    }

    private void Fail(Exception exception) => Stop(exception);

    private void Stop(Exception? exception)
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
        {
            return;
        }

        _mailbox.Close();
        _timer.Dispose();
        _executor.CloseLinks("the host has stopped");
        _workers.Stop();
        _executor.ReleaseAll();
        _memory.Dispose();
        if (exception is null)
        {
            _completion.TrySetResult();
        }
        else
        {
            Log.HostFailed(_logger, exception);
            _completion.TrySetException(exception);
        }
    }
}
