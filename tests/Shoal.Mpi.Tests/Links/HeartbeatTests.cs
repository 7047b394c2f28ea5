namespace Shoal.Mpi.Links;

/// <summary>When a rank counts as silent.</summary>
public sealed class HeartbeatTests
{
    private readonly ManualClock _clock = new();
    private readonly Heartbeat _heartbeat;

    public HeartbeatTests() => _heartbeat = new Heartbeat([1, 2, 3], _clock);

    [Fact]
    public void A_rank_that_says_nothing_for_minutes_is_silent_and_those_that_speak_or_have_left_are_not()
    {
        _heartbeat.Left(3);
        for (var beat = 0; beat < Heartbeat.Patience; beat++)
        {
            Assert.Null(_heartbeat.Silent);
            _clock.Pass(Heartbeat.Interval);
            Assert.True(_heartbeat.TryBeat());
            _heartbeat.Heard(1);
        }

        Assert.Equal(2, _heartbeat.Silent);
        _heartbeat.Heard(2);
        Assert.Null(_heartbeat.Silent);
    }

    [Fact]
    public void It_beats_once_an_interval()
    {
        Assert.False(_heartbeat.TryBeat());
        _clock.Pass(Heartbeat.Interval);
        Assert.True(_heartbeat.TryBeat());
        Assert.False(_heartbeat.TryBeat());
    }

    [Fact]
    public void Nobody_is_silent_after_a_night_in_which_the_whole_job_was_halted()
    {
        _clock.Pass(TimeSpan.FromHours(8));
        Assert.True(_heartbeat.TryBeat());
        Assert.Null(_heartbeat.Silent);
        Assert.False(_heartbeat.TryBeat());
    }
}
