using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>Reading waits for requests, never for long, and not at all when there are none.</summary>
public sealed class ReadPaceTests
{
    [Fact]
    public void It_is_ahead_while_nobody_has_asked_for_enough_pieces()
    {
        var pace = new ReadPace(2, new ManualClock());
        pace.Read(new PieceIndex(0));
        Assert.False(pace.IsAhead);
        pace.Read(new PieceIndex(1));
        Assert.True(pace.IsAhead);
        pace.Asked(new PieceIndex(0));
        Assert.False(pace.IsAhead);
        pace.Asked(new PieceIndex(0)); // another block of it
        pace.Read(new PieceIndex(2));
        Assert.True(pace.IsAhead);
        pace.Asked(new PieceIndex(9));
        Assert.True(pace.IsAhead);
    }

    [Fact]
    public void After_it_waited_in_vain_it_runs_until_somebody_asks_for_something_new()
    {
        var pace = new ReadPace(1, TimeProvider.System);
        pace.Read(new PieceIndex(0));
        Assert.True(pace.IsAhead);
        pace.Wait(1 << 20); // comes back, though nobody asks
        Assert.False(pace.IsAhead);
        pace.Read(new PieceIndex(1));
        pace.Asked(new PieceIndex(0)); // read long ago
        Assert.False(pace.IsAhead);
        pace.Asked(new PieceIndex(1));
        pace.Read(new PieceIndex(2));
        Assert.True(pace.IsAhead);
    }

    [Fact]
    public void Whoever_waits_goes_on_when_somebody_asks()
    {
        var pace = new ReadPace(1, new ManualClock()); // by this clock patience never ends
        pace.Read(new PieceIndex(0));
        var reader = new Thread(() => pace.Wait(int.MaxValue)) { IsBackground = true };
        reader.Start();
        Assert.True(SpinWait.SpinUntil(() => reader.ThreadState.HasFlag(ThreadState.WaitSleepJoin), TimeSpan.FromSeconds(30)));
        pace.Asked(new PieceIndex(0));
        Assert.True(reader.Join(TimeSpan.FromSeconds(10)));
    }
}
