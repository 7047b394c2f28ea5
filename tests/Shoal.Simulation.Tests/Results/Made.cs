using Shoal.Engine;
using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Results;

/// <summary>Scenarios and results made by hand, with round numbers: a content of 1,000 bytes.</summary>
internal static class Made
{
    public const long Length = 1000;

    /// <summary>What a byte of payload takes of a line: a frame has 1,514 bytes, 1,448 of them payload.</summary>
    public const double Line = 1514.0 / 1448;

    /// <summary>What who receives sends back on its own uplink: a frame of 66 bytes for every two.</summary>
    public const double Acks = 66.0 / (2 * 1514);

    /// <summary>A class of leechers.</summary>
    public static PeerClass Class(string name, int count, long up, long down) => new() { Name = name, Count = count, UpBytesPerSecond = up, DownBytesPerSecond = down };

    /// <summary>A class of one seeder.</summary>
    public static PeerClass Seeder(long up) => new() { Name = "seeder", IsSeeder = true, UpBytesPerSecond = up, DownBytesPerSecond = up };

    /// <summary>A scenario of these classes.</summary>
    public static Scenario Scenario(params PeerClass[] classes) => new() { Name = "made", ContentLength = Length, PieceLength = 100, Classes = classes };

    /// <summary>A seeder that is there from the beginning.</summary>
    public static PeerResult Seed(long uploaded = 0, double joined = 0) => new(0, "seeder", true, At(joined), Instant.Zero, false, uploaded, 0, 0);

    /// <summary>A leecher; it never completes if that is null.</summary>
    public static PeerResult Peer(string name, double joined, double? completed, long uploaded = 0, long wasted = 0, bool isExpected = true) => new(
        0, name, false, At(joined), completed is { } at ? At(at) : Instant.Never, isExpected, uploaded, (completed is null ? 0 : Length) + wasted, wasted);

    /// <summary>A result of these peers, numbered in their order.</summary>
    public static SimulationResult Result(params PeerResult[] peers) => new()
    {
        Name = "made", Seed = 1, Peers = [.. peers.Select((peer, i) => peer with { Number = i })], EndedAt = TimeSpan.FromSeconds(100),
        IsComplete = peers.All(peer => !peer.IsExpected || peer.CompletedAt != Instant.Never), AnnounceCount = 250, PeakAnnouncesPerSecond = 7,
        SharedLinks = [], EventCount = 12345, EventHash = 0xabc,
    };

    public static Instant At(double seconds) => new((long)Math.Round(seconds * 1e9));
}
