using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Scenarios;

public class QuantityTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1048576", 1_048_576)]
    [InlineData("17B", 17)]
    [InlineData("256KiB", 262_144)]
    [InlineData("1.5 MiB", 1_572_864)]
    [InlineData("10gib", 10_737_418_240)]
    [InlineData("3GB", 3_000_000_000)]
    [InlineData("700MB", 700_000_000)]
    public void A_size_is_read(string text, long bytes)
    {
        Assert.True(Quantity.TryParseSize(text, out var read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MiB")]
    [InlineData("-1KiB")]
    [InlineData("1e3")]
    [InlineData("1 parsec")]
    [InlineData("1Mb")]
    [InlineData("99999999999999999TiB")]
    [InlineData("1,000")]
    [InlineData("1,5MiB")]
    [InlineData("1..5MiB")]
    public void What_is_no_size_is_refused(string text) => Assert.False(Quantity.TryParseSize(text, out _));

    [Theory]
    [InlineData("1Gbit", 125_000_000)]
    [InlineData("20Mbit/s", 2_500_000)]
    [InlineData("500MB/s", 500_000_000)]
    [InlineData("0.1mbit", 12_500)]
    [InlineData("1KiB/s", 1024)]
    [InlineData("12bit", 2)]
    public void A_rate_is_read_in_bytes_per_second(string text, long rate)
    {
        Assert.True(Quantity.TryParseRate(text, out var read));
        Assert.Equal(rate, read);
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("100")]
    [InlineData("100/s")]
    [InlineData("0Mbit")]
    [InlineData("100Mb/s")]
    [InlineData("100mb/s")]
    public void What_is_no_rate_or_might_be_bits_or_bytes_is_refused(string text) => Assert.False(Quantity.TryParseRate(text, out _));

    [Theory]
    [InlineData("0s", 0)]
    [InlineData("50us", 0.05)]
    [InlineData("5ms", 5)]
    [InlineData("1.5 s", 1500)]
    [InlineData("2min", 120_000)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1d", 86_400_000)]
    public void A_time_is_read(string text, double milliseconds)
    {
        Assert.True(Quantity.TryParseTime(text, out var time));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), time);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("soon")]
    [InlineData("-1s")]
    [InlineData("9999999999999d")]
    public void What_is_no_time_is_refused(string text) => Assert.False(Quantity.TryParseTime(text, out _));
}
