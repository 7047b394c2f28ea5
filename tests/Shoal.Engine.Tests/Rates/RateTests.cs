using Shoal.Engine.Rates;

namespace Shoal.Engine.Tests.Rates;

public sealed class RateTests
{
    private static Instant At(double seconds) => new((long)(seconds * 1e9));

    [Fact]
    public void A_steady_flow_is_measured_from_its_first_second_on()
    {
        var meter = new RateMeter();
        Assert.Equal(0, meter.RateBytesPerSecond(At(1000)));
        for (var i = 0; i <= 300; i++)
        {
            meter.Add(At(1000 + (i * 0.1)), 100);
            if (i >= 10)
            {
                Assert.InRange(meter.RateBytesPerSecond(At(1000 + (i * 0.1))), 980, 1110);
            }
        }

        Assert.Equal(30_100, meter.TotalBytes);
    }

    [Fact]
    public void The_first_block_is_no_flood_and_a_flow_that_ends_fades_within_the_window()
    {
        var meter = new RateMeter();
        meter.Add(At(3), 16384);
        Assert.Equal(32768, meter.RateBytesPerSecond(At(3)));
        Assert.InRange(meter.RateBytesPerSecond(At(7)), 4000, 4200);
        Assert.Equal(0, meter.RateBytesPerSecond(At(8.6)));
        meter.Add(At(100), 16384);
        Assert.Equal(32768, meter.RateBytesPerSecond(At(100.2)));
    }

    [Fact]
    public void An_unlimited_bucket_gives_everything_at_once()
    {
        var bucket = new TokenBucket(null);
        Assert.True(bucket.TryTake(At(0), long.MaxValue));
        Assert.Equal(At(1), bucket.AvailableAt(At(1), 1));
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(100_000)]
    [InlineData(10_000_000)]
    [InlineData(20_000_000_000)]
    public void A_cap_holds_over_time_and_is_used_up(long rate)
    {
        var bucket = new TokenBucket(rate);
        var burst = Math.Max(rate / 4, 32 * 1024);
        Assert.Equal(burst, bucket.BurstBytes);
        var now = At(5);
        long taken = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var at = bucket.AvailableAt(now, 16384);
            Assert.True(at >= now);
            Assert.True(at == now || !bucket.TryTake(new Instant(at.Nanoseconds - 1), 16384));
            now = at;
            Assert.True(bucket.TryTake(now, 16384));
            taken += 16384;
            var allowed = (long)((UInt128)(now - At(5)).Ticks * (UInt128)rate / 10_000_000) + burst;
            Assert.InRange(taken, allowed - burst, allowed + (rate / 1_000_000) + 1);
        }
    }

    [Fact]
    public void More_than_a_burst_is_taken_from_a_full_bucket_and_paid_for_afterwards()
    {
        var bucket = new TokenBucket(100_000);
        Assert.True(bucket.TryTake(At(0), 1_000_000));
        Assert.False(bucket.TryTake(At(9), 16384));
        Assert.True(bucket.TryTake(At(10), 16384));
    }

    [Fact]
    public void A_new_cap_counts_from_now_on_and_never_makes_one_wait_longer_than_a_burst_takes()
    {
        var bucket = new TokenBucket(100_000_000);
        Assert.True(bucket.TryTake(At(1), 25_000_000));
        bucket.RateBytesPerSecond = 32 * 1024;
        Assert.False(bucket.TryTake(At(1.4), 16384));
        Assert.True(bucket.TryTake(At(1.5), 16384));
        bucket.RateBytesPerSecond = null;
        Assert.True(bucket.TryTake(At(1.5), 1 << 30));
        Assert.Throws<ArgumentOutOfRangeException>(() => bucket.RateBytesPerSecond = 0);
    }
}
