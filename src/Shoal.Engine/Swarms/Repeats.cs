using Shoal.Engine.Picking;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// When a block that a link is asked for is asked of another too, that has nothing else to do: if it is late, and nothing else can be asked for. So it
/// is at the end (see <see cref="Endgame"/>), and while no slot is free: where buffers are few and blocks large, a few links over a thin line could hold
/// all slots, and the fast ones would wait for them.
/// </summary>
internal sealed class Repeats(Swarm swarm, SwarmContext context)
{
    /// <summary>A block is late at the end if it would take so many times what it would take the link that has nothing to do.</summary>
    private const int LateAtTheEnd = 4;

    /// <summary>And before the end: what is lost by a wait is only what could be done meanwhile.</summary>
    private const int LateBeforeTheEnd = 16;

    /// <summary>
    /// While pieces come into the swarm that nobody had, the end is not near, however little can be asked for just now: to ask twice
    /// would take the links from those who pass new pieces on. Nothing new for so long, and it may be all there is.
    /// </summary>
    private static readonly TimeSpan NewsTime = TimeSpan.FromSeconds(20);

    private Instant _newsAt; // when somebody last told of a piece that we want

    /// <summary>Whether all links are being filled because some time has passed, and not because something came.</summary>
    public bool IsTicking { get; set; }

    /// <summary>Whether late blocks are asked for twice just now.</summary>
    public bool AreDue =>
        // Among our own nothing gets lost and nobody dawdles for long: small files would be carried twice for nothing.
        (IsTicking || !context.IsTrusted) && (!context.Picker!.LacksHolders || context.Now - _newsAt > NewsTime) && (HasNoSlot || context.Picker.IsEndgame);

    private bool HasNoSlot => swarm.Flow!.FreeSlotCount == 0;

    /// <summary>Somebody has a piece more that we want.</summary>
    public void PeerGot() => _newsAt = context.Now;

    /// <summary>Tells what is late where the link is idle; null if nothing is. Links that have nothing to do look again with the next tick, or piece.</summary>
    /// <remarks>Where all share one full line a second copy comes no sooner than the first, and keeps others from coming.</remarks>
    public Func<LinkId, BlockRequest, bool>? LateFor(PeerConnection idle)
    {
        var limit = (context.Picker!.IsEndgame ? LateAtTheEnd : LateBeforeTheEnd) * idle.Pipeline.BlockTime;
        return !context.Connections.Exists(other => other.Pipeline.HasLate(context.Now, limit)) ? null
            : (link, block) => context.Find(link)?.Pipeline.IsLate(block, context.Now, limit) != false;
    }
}
