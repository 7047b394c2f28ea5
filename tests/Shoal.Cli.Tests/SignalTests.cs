namespace Shoal.Cli.Tests;

/// <summary>What ends a command from outside.</summary>
public sealed class SignalTests
{
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("HUP")]
    public async Task A_signal_ends_it_politely(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals here");
        using var place = new Workplace();
        await using var share = CommandProcess.Start(place, [], "share", place.Write($"t{Guid.NewGuid():N}", 1000), "--bind", "127.0.0.1");
        await share.LineAsync(line => line.StartsWith("  shoal get ", StringComparison.Ordinal));
        await Repository.RunAsync(place.Root, "kill", $"-{signal}", share.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var (exitCode, said, complained) = await share.EndAsync();
        Assert.Equal((0, ""), (exitCode, complained));
        Assert.StartsWith("Stopped after ", said.Split('\n')[^2], StringComparison.Ordinal);
    }
}
