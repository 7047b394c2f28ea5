using System.Globalization;
using System.Text;
using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Results;

/// <summary>Runs as CSV (RFC 4180, but with lines that end in LF): one line per peer, times in seconds, an empty cell for never.</summary>
public static class PeerTable
{
    /// <summary>The first line.</summary>
    public const string Header =
        "policy,job,piece_length,seed,peer,class,seeder,expected,joined_s,completed_s,download_s,uploaded_bytes,downloaded_bytes,wasted_bytes\n";

    /// <summary>The lines of one run.</summary>
    public static string Lines(Scenario scenario, SimulationResult result)
    {
        var run = string.Create(
            CultureInfo.InvariantCulture, $"{BalancePolicies.NameOf(scenario.Swarm.Policy)},{(scenario.Swarm.IsJob ? 1 : 0)},{ScenarioRules.PieceLengthOf(scenario)},{result.Seed}");
        var text = new StringBuilder();
        foreach (var peer in result.Peers)
        {
            var isDone = peer.JoinedAt != Instant.Never && peer.CompletedAt != Instant.Never;
            text.Append(run).Append(',').Append(peer.Number).Append(',').Append(Quoted(peer.Class)).Append(peer.IsSeeder ? ",1" : ",0").Append(peer.IsExpected ? ",1," : ",0,")
                .Append(Seconds(peer.JoinedAt)).Append(',').Append(Seconds(peer.CompletedAt)).Append(',')
                .Append(isDone && !peer.IsSeeder ? Seconds(new Instant(peer.CompletedAt.Nanoseconds - peer.JoinedAt.Nanoseconds)) : "")
                .Append(CultureInfo.InvariantCulture, $",{peer.UploadedBytes},{peer.DownloadedBytes},{peer.WastedBytes}\n");
        }

        return text.ToString();
    }

    private static string Seconds(Instant at) => at == Instant.Never ? "" : (at.Nanoseconds / 1e9).ToString("0.######", CultureInfo.InvariantCulture);

    private static string Quoted(string text) =>
        text.AsSpan().ContainsAny(",\"\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
