using System.Globalization;
using System.Text.Json.Serialization;

namespace Shoal.Cli.Reporting;

/// <summary>How far the fuzzer is. <paramref name="Fraction"/> is of its time, or of its seeds.</summary>
internal sealed record FuzzProgressEvent(long DoneSeeds, double SeedsPerSecond, double Fraction, double? EtaSeconds) : Event
{
    /// <summary>What stands below the bar.</summary>
    [JsonIgnore]
    public string Rest => string.Create(
        CultureInfo.InvariantCulture,
        $"{DoneSeeds:N0} seeds hold  {SeedsPerSecond:F1} seeds/s  ETA {Units.Time(EtaSeconds is { } eta ? TimeSpan.FromSeconds(eta) : null)}");

    public override string ToLine() => $"Fuzzing: {Units.Percent(Fraction)}  {Rest}";
}

/// <summary>A seed failed. The report names the command that replays it, and has what it was shrunk to.</summary>
internal sealed record FuzzFailureEvent(ulong Seed, string Failure, string Command, string ShrunkCommand, string Report) : Event
{
    public override string ToLine() => Report;
}

/// <summary>The fuzzer has found nothing.</summary>
internal sealed record FuzzedEvent(ulong FirstSeed, long Seeds, double Seconds) : Event
{
    public override string ToLine() => string.Create(
        CultureInfo.InvariantCulture, $"{Seeds:N0} seed{(Seeds == 1 ? "" : "s")} from {FirstSeed} held in {Units.Time(TimeSpan.FromSeconds(Seconds))}");
}
