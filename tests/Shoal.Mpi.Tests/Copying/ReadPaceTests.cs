using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>Reading waits for requests, never for long, and not at all when there are none.</summary>
public sealed class ReadPaceTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void It_is_ahead_while_nobody_has_asked_for_any_of_the_last_pieces()
    {
        var pace = new ReadPace(2, _clock);
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
    public void It_runs_when_nobody_has_asked_for_a_second_and_until_somebody_does()
    {
        var pace = new ReadPace(1, _clock);
        for (var piece = 0; piece < 3; piece++)
        {
            pace.Read(new PieceIndex(piece));
        }

        _clock.Pass(TimeSpan.FromSeconds(0.9));
        Assert.True(pace.IsAhead);
        _clock.Pass(TimeSpan.FromSeconds(0.1));
        Assert.False(pace.IsAhead);
        pace.Asked(new PieceIndex(1)); // long read, and in memory no more
        Assert.False(pace.IsAhead);
        pace.Asked(new PieceIndex(2));
        pace.Read(new PieceIndex(3));
        Assert.True(pace.IsAhead);
    }

    [Fact]
    public async Task Whoever_waits_goes_on_when_somebody_asks()
    {
        var pace = new ReadPace(1, _clock); // by this clock patience never ends
        pace.Read(new PieceIndex(0));
        var reading = Task.Run(() => pace.Wait(int.MaxValue), TestContext.Current.CancellationToken);
        Assert.False(reading.IsCompleted);
        pace.Asked(new PieceIndex(0));
        await reading.WaitAsync(TestContext.Current.CancellationToken);
    }
}
