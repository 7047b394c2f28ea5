namespace Shoal.Cli.Tests;

public class UnitsTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData((1 << 20) - 1, "1.0 MiB")]
    [InlineData(1 << 30, "1.0 GiB")]
    [InlineData(long.MaxValue, "8.0 EiB")]
    public void A_size_is_shown_in_binary_units(long bytes, string shown) => Assert.Equal(shown, Units.Size(bytes));

    [Theory]
    [InlineData("16KiB", 16384)]
    [InlineData("1.5 MiB", 1572864)]
    [InlineData("2gib", 2147483648)]
    [InlineData("12345", 12345)]
    [InlineData("7B", 7)]
    public void A_size_is_read(string text, long bytes)
    {
        Assert.True(Units.TryParseSize(text, out var read, out _));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("KiB")]
    [InlineData("-1KiB")]
    [InlineData("1 parsec")]
    [InlineData("99999999999GiB")]
    [InlineData("1e9")]
    public void What_is_no_size_is_refused(string text) => Assert.False(Units.TryParseSize(text, out _, out _));

    [Theory]
    [InlineData("8kbit", 1000)]
    [InlineData("10Mbit", 1_250_000)]
    [InlineData("1Gbit", 125_000_000)]
    [InlineData("1Gbit/s", 125_000_000)]
    [InlineData("512KiB/s", 524_288)]
    [InlineData("2MiB", 2_097_152)]
    [InlineData("0.5 MiB/s", 524_288)]
    public void A_rate_is_read_in_bytes_per_second(string text, long bytesPerSecond)
    {
        Assert.True(Units.TryParseRate(text, out var read, out _));
        Assert.Equal(bytesPerSecond, read);
    }

    [Theory]
    [InlineData("100", "has no unit")]
    [InlineData("1.5", "has no unit")]
    [InlineData("100/s", "has no unit")]
    [InlineData("fast", "is not a rate")]
    [InlineData("0Mbit", "is not a rate")]
    [InlineData("5MB", "is not a rate")]
    public void A_rate_without_a_known_unit_is_refused_and_says_so(string text, string why)
    {
        Assert.False(Units.TryParseRate(text, out _, out var error));
        Assert.Contains($"'{text}' {why}", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("30m", 1800)]
    [InlineData("5min", 300)]
    [InlineData("2h", 7200)]
    [InlineData("1d", 86400)]
    public void A_time_is_read(string text, int seconds)
    {
        Assert.True(Units.TryParseTime(text, out var time, out _));
        Assert.Equal(TimeSpan.FromSeconds(seconds), time);
    }

    [Fact]
    public void All_but_the_last_byte_is_not_yet_everything() => Assert.Equal("99.9 %", Units.Percent(0.999999999));
}
