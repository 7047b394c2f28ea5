using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>
/// Brings into the caches what the next events will touch. Each is about another peer, and of thousands of peers hardly anything is in a
/// cache; one after the other the events would wait for memory most of the time. So the processor is told beforehand, in steps, since the
/// place of each thing stands in the one before: event, end of a link, its owner and the driver, machine. A hint only: nothing depends on it but speed.
/// </summary>
internal sealed class Foresight
{
    private const int CacheLineLength = 64;

    // How many events before its own each step is taken.
    private const int EventAhead = 18;
    private const int EndAhead = 14;
    private const int DriverAhead = 9;
    private const int MachineAhead = 4;

    /// <summary>What a machine was made of first lies behind it.</summary>
    private const int MachineLineCount = 12;

    /// <summary>Short runs ask for no large pages.</summary>
    private const int EventsBetweenPages = 1 << 20;

    private readonly HugePages _pages = new();

    /// <summary>To be called before each event.</summary>
    public void Look(World world)
    {
        Fetch(in world.Timeline.Ahead(EventAhead));
        ref readonly var far = ref world.Timeline.Ahead(EndAhead);
        Fetch((object?)far.End ?? far.Peer, 2);
        ref readonly var near = ref world.Timeline.Ahead(DriverAhead);
        Fetch(near.End is null ? near.Peer?.Driver : near.End.Driver, 2);
        Fetch(near.End?.Owner, 2);
        ref readonly var next = ref world.Timeline.Ahead(MachineAhead);
        Fetch((next.End is null ? next.Peer?.Driver : next.End.Driver)?.Machine, MachineLineCount);
        if (world.EventCount % EventsBetweenPages == 0)
        {
            _pages.Want(world.Peers);
        }
    }

    private static unsafe void Fetch(in Event happening) =>
        Fetch((nint)Unsafe.AsPointer(ref Unsafe.AsRef(in happening)), lineCount: 2);

    private static void Fetch(object? target, int lineCount)
    {
        if (target is not null)
        {
            Fetch(Unsafe.As<object, nint>(ref target), lineCount);
        }
    }

    private static unsafe void Fetch(nint address, int lineCount)
    {
        for (var line = 0; Sse.IsSupported && line < lineCount; line++)
        {
            Sse.Prefetch0((void*)(address + (line * CacheLineLength)));
        }
    }
}
