using System.Globalization;
using System.Text.Json.Serialization;
using Shoal.Simulation.Results;

namespace Shoal.Cli.Reporting;

/// <summary>How far simulated runs are. Virtual time is that of the run that is furthest among those that go on.</summary>
internal sealed record SimulationProgressEvent(
    int Runs, int DoneRuns, double VirtualSeconds, long Events, double EventsPerSecond, double Fraction, int Completed, int Expected, double? EtaSeconds) : Event
{
    /// <summary>What stands before the bar.</summary>
    [JsonIgnore]
    public string What => Runs == 1 ? "Simulating" : $"Simulating, {DoneRuns} of {Runs} runs done";

    /// <summary>What stands below the bar.</summary>
    [JsonIgnore]
    public string Rest => string.Create(
        CultureInfo.InvariantCulture,
        $"virtual time {SimulationText.Time(VirtualSeconds)}  {Completed:N0} of {Expected:N0} complete  {EventsPerSecond:N0} events/s  ETA {Units.Time(EtaSeconds is { } eta ? TimeSpan.FromSeconds(eta) : null)}");

    public override string ToLine() => $"{What}: {Units.Percent(Fraction)}  {Rest}";
}

/// <summary>One run is over.</summary>
internal sealed record SimulationEvent(string Label, bool IsBrokenOff, RunSummary Run) : Event
{
    /// <summary>Whether it stands alone; one of many is a line of <see cref="SimulationsEvent"/>.</summary>
    [JsonIgnore]
    public bool IsAlone { get; init; }

    public override string? ToLine() => IsAlone ? SimulationText.Report(Run, IsBrokenOff) : null;
}

/// <summary>Several runs are over: a table for people. For programs each was an event of its own.</summary>
internal sealed record SimulationsEvent(int Runs, int DoneRuns, [property: JsonIgnore] IReadOnlyList<SimulationEvent> All) : Event
{
    public override string ToLine() => SimulationText.Table(All);
}

/// <summary>Several variants were compared.</summary>
internal sealed record ComparisonEvent(Comparison Comparison, string Text) : Event
{
    public override string ToLine() => $"{ComparisonText.Table(Comparison)}\n{Text}";
}
