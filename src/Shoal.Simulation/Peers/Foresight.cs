using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>
/// Brings into the caches what the next events will touch. Each is about another peer, and of thousands of peers hardly anything is in a
/// cache; one after the other the events would wait for memory most of the time. So the processor is told beforehand, in steps, since the
/// place of each thing stands in the one before: event, end of a link, driver, machine, and what the machine names. A hint only: nothing
/// depends on it but speed. Of what is put in between later nothing is fetched, or something twice: no harm either.
/// </summary>
internal sealed class Foresight
{
    // How many events lie between the next and the one that each step is for; three at the machine's last. The first looks as far as is in order.
    private const int EventAhead = Timeline.LeastNextCount - 2;
    private const int EndAhead = 16;
    private const int DriverAhead = 13;
    private const int MachineAhead = 10;
    private const int PartsAhead = 8;

    /// <summary>What a machine was made of first lies behind it.</summary>
    private const int MachineLineCount = 12;

    /// <summary>Short runs ask for no large pages.</summary>
    private const int EventsBetweenPages = 1 << 20;

    private readonly HugePages _pages = new();
    private readonly Sight[] _sights = new Sight[16]; // a ring, by the number of the event
    private int _count;

    /// <summary>To be called before each event.</summary>
    public void Look(World world)
    {
        Prefetch.Element(in world.Timeline.Ahead(EventAhead), lineCount: 2);
        ref readonly var far = ref world.Timeline.Ahead(EndAhead);
        Prefetch.Object((object?)far.End ?? far.Peer, 2);
        See(world.Timeline.Ahead(DriverAhead), ref Ahead(DriverAhead));
        ref var next = ref Ahead(MachineAhead);
        next.Machine = next.Driver?.Machine;
        Prefetch.Object(next.Machine, MachineLineCount);
        for (var step = 0; step < IMachine.WarmStepCount; step++)
        {
            ref readonly var sight = ref Ahead(PartsAhead - step);
            if (sight.Kind == InputKind.PieceWritten)
            {
                sight.Driver?.WarmEnds(step);
            }

            sight.Machine?.Warm(sight.Kind, sight.Link, sight.Piece, step);
        }

        _count++;
        if (world.EventCount % EventsBetweenPages == 0)
        {
            _pages.Want(world.Peers);
        }
    }

    private static void See(in Event happening, ref Sight sight)
    {
        sight = new Sight
        {
            Driver = happening.End is { } end ? end.Driver : happening.Peer?.Driver,
            Kind = KindOf(happening),
            Link = happening.End?.Id ?? default,
            Piece = happening.Message.Piece,
        };
        Prefetch.Object(sight.Driver, 2);
        Prefetch.Object(sight.Kind == InputKind.Message ? null : happening.End?.Owner, 2);
    }

    private static InputKind KindOf(in Event happening) => happening.Kind switch
    {
        EventKind.Message => InputKind.Message,
        EventKind.Block => InputKind.BlockReceived,
        EventKind.BlockSent => InputKind.BlocksSent,
        EventKind.DiskDone => happening.Flag ? InputKind.PieceHashed : InputKind.PieceWritten,
        _ => InputKind.Timer,
    };

    private ref Sight Ahead(int count) => ref _sights[(_count + count) & (_sights.Length - 1)];

    private struct Sight
    {
        public MachineDriver? Driver;
        public IMachine? Machine;
        public InputKind Kind;
        public LinkId Link;
        public PieceIndex Piece;
    }
}
