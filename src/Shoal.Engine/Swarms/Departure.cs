using Shoal.Engine.Announcing;
using Shoal.Engine.Picking;

namespace Shoal.Engine.Swarms;

/// <summary>
/// The polite end of a swarm: queued uploads first, then the links, then what is half-done goes to disk, while the
/// trackers hear that we leave. Peers and trackers are waited for within bounds; the disk, whose answers always come,
/// without.
/// </summary>
internal sealed class Departure(Swarm swarm, SwarmContext context, Uploader uploader, AnnouncePlan announces)
{
    /// <summary>How long trackers are waited for, after the links are closed.</summary>
    private static readonly TimeSpan FarewellTime = TimeSpan.FromSeconds(3);

    private bool _areLinksClosed;
    private bool _isFarewellOver;

    /// <summary>When waiting ends.</summary>
    public Instant Deadline { get; private set; } = Instant.Never;

    public void Begin()
    {
        Deadline = context.Now + (context.IsRunning ? context.Options.StopGrace : TimeSpan.Zero);
        context.IsRunning = false;
        foreach (var connection in context.Connections)
        {
            swarm.Downloader.ForgetAll(connection);
        }

        announces.Stop(context.Now);
    }

    /// <summary>Goes on as far as it can; true when all is done, once.</summary>
    public bool Advance()
    {
        var isOver = Deadline <= context.Now;
        if (!_areLinksClosed)
        {
            if (!uploader.IsQuiet && !isOver)
            {
                return false;
            }

            foreach (var connection in context.Connections.ToArray())
            {
                swarm.Links.Close(connection, "we are leaving");
            }

            _areLinksClosed = true;
            Deadline = context.Now + FarewellTime;
            isOver = false;
        }

        if (isOver)
        {
            _isFarewellOver = true;
            Deadline = Instant.Never;
        }

        swarm.Flow?.SaveAll();
        if (swarm.Flow is { BusyCount: > 0 } || !(announces.IsQuiet || _isFarewellOver))
        {
            return false;
        }

        Deadline = Instant.Never;
        var partial = (context.Picker?.Partials ?? [])
            .Where(piece => piece.Stage == PieceStage.Spilled)
            .ToDictionary(piece => piece.Piece, piece => piece.Received);
        context.Emit(new SwarmEvent.Stopped(partial));
        return true;
    }
}
