using System.Text.Json.Serialization;
using Shoal.Engine.Trackers;

namespace Shoal.Tracker;

/// <summary>What /stats shows. Counts since the start, sizes in bytes.</summary>
public sealed record TrackerStats(
    int Swarms, int Peers, int Seeders, int Leechers, long Downloads, long Announces, long Scrapes, long Refusals, long TableBytes)
{
    internal static TrackerStats From(TrackerStatistics statistics) => new(
        statistics.SwarmCount,
        statistics.PeerCount,
        statistics.SeederCount,
        statistics.PeerCount - statistics.SeederCount,
        statistics.DownloadCount,
        statistics.AnnounceCount,
        statistics.ScrapeCount,
        statistics.RefusalCount,
        statistics.TableBytes);
}

[JsonSerializable(typeof(TrackerStats))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class StatsJson : JsonSerializerContext;
