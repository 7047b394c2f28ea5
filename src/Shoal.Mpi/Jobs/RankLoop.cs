using Shoal.Engine;
using Shoal.Mpi.Links;
using Shoal.Mpi.Native;
using Shoal.Runtime.Hosting;

namespace Shoal.Mpi.Jobs;

/// <summary>
/// The one loop of a rank: moves its messages on, runs the turns of its machine, and leaves the core to others when there
/// is nothing to do. Made and used on the thread that calls MPI.
/// </summary>
public sealed class RankLoop : IAsyncDisposable
{
    private readonly MpiWorld _world;
    private long _endAt = long.MaxValue;

    /// <summary>A loop that drives the machine over the transport.</summary>
    /// <param name="world">The ranks.</param>
    /// <param name="machine">What decides.</param>
    /// <param name="options">Limits of the host.</param>
    /// <param name="readerCount">Threads that read what is sent; 0 to do so on the loop's, where blocks are small and lie in memory.</param>
    public RankLoop(MpiWorld world, IMachine machine, SwarmHostOptions? options = null, int readerCount = 2)
    {
        _world = world;
        Transport = new MpiTransport(world, readerCount);
        Host = new SwarmHost(machine, Transport, (options ?? new SwarmHostOptions()) with { IsDriven = true });
    }

    /// <summary>The links of this rank.</summary>
    public MpiTransport Transport { get; }

    /// <summary>Drives the machine.</summary>
    public SwarmHost Host { get; }

    /// <summary>From now on, and before so much time has passed, all conditions must hold: else MPI is at fault, or a rank that does not answer.</summary>
    public void EndWithin(TimeSpan time) => _endAt = Environment.TickCount64 + (long)time.TotalMilliseconds;

    /// <summary>Goes on until the condition holds; it is asked often and must be quick.</summary>
    /// <exception cref="MpiException">A call of MPI failed, a rank broke the protocol, or the time of <see cref="EndWithin"/> is over.</exception>
    public void RunUntil(Func<bool> isDone)
    {
        ArgumentNullException.ThrowIfNull(isDone);
        var patience = new Patience();
        while (!isDone())
        {
            if (Host.Completion.IsFaulted)
            {
                Host.Completion.GetAwaiter().GetResult();
            }

            if (Environment.TickCount64 > _endAt)
            {
                throw new MpiException("waited in vain for the others to end: a rank, its disk or its source does not answer");
            }

            if (Transport.Advance() | Host.Drive())
            {
                patience.Reset();
            }
            else
            {
                patience.Wait();
            }
        }
    }

    /// <summary>
    /// Goes on until no message is left between any ranks. Every rank must come here, once, when its swarms have stopped.
    /// </summary>
    public void Settle()
    {
        RunUntil(() => Transport.IsQuiet);
        Transport.SayFarewell();
        RunUntil(() => Transport.FarewellCount == _world.Size - 1 && Transport.IsQuiet);
    }

    /// <summary>Stops the host at once and frees the transport.</summary>
    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        Transport.Dispose();
    }
}
