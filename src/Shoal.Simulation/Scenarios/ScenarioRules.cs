using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Simulation.Scenarios;

/// <summary>
/// What every scenario must be, wherever it comes from: parts that fit together, and numbers within bounds, so that a run has a known
/// size. Places are named as in the file. Stateless.
/// </summary>
public static class ScenarioRules
{
    /// <summary>The most peers, over all classes.</summary>
    public const int MaximumPeerCount = 200_000;

    /// <summary>The most pieces of the content.</summary>
    public const int MaximumPieceCount = 65_536;

    /// <summary>The most pieces that all peers together may come to have: what bounds a run's memory and time.</summary>
    public const long MaximumPieceCountOfAll = 1_000_000_000;

    /// <summary>The most classes, zones and faults, of each.</summary>
    public const int MaximumPartCount = 1_000;

    /// <summary>The longest content, in bytes.</summary>
    public const long MaximumContentLength = 1L << 50;

    /// <summary>The most connections of a peer, and the most upload slots.</summary>
    public const int MaximumConnectionCount = 10_000;

    /// <summary>The fastest link or disk, in bytes per second: 8 Tbit/s.</summary>
    public const long MaximumRateBytesPerSecond = 1_000_000_000_000;

    private const int MaximumNameLength = 64;
    private static readonly TimeSpan MaximumTime = TimeSpan.FromDays(365);
    private static readonly TimeSpan MaximumLatency = TimeSpan.FromMinutes(1);

    /// <summary>The piece length that a scenario has, or that is chosen for it.</summary>
    public static int PieceLengthOf(Scenario scenario) => scenario.PieceLength ?? PieceLengthRule.For(scenario.ContentLength);

    /// <summary>Checks it all; the first thing that is wrong is thrown.</summary>
    /// <param name="scenario">What to check.</param>
    /// <param name="source">The file, or whatever it came from, for the error.</param>
    /// <exception cref="ScenarioException">Something is wrong.</exception>
    public static void Check(Scenario scenario, string source)
    {
        var check = new Checker(source);
        check.Name("name", scenario.Name);
        check.That(scenario.Limit > TimeSpan.Zero, "limit", "must be above 0");
        check.Time("limit", scenario.Limit);
        CheckContent(scenario, check);
        CheckZones(scenario, check);
        CheckClasses(scenario, check);
        check.That(scenario.Tracker.Interval >= TimeSpan.FromSeconds(1), "tracker.interval", "must be at least 1s");
        check.Time("tracker.interval", scenario.Tracker.Interval);
        check.Latency("tracker.latency", scenario.Tracker.Latency);
        check.Range("swarm.connections", scenario.Swarm.MaximumConnectionCount, 1, MaximumConnectionCount);
        check.Range("swarm.uploadSlots", scenario.Swarm.UploadSlotCount, 1, MaximumConnectionCount);
        CheckFaults(scenario, check);
        JobRules.Check(scenario, source);
    }

    private static void CheckContent(Scenario scenario, Checker check)
    {
        check.Range("size", scenario.ContentLength, 1, MaximumContentLength);
        check.Range("pieceLength", scenario.PieceLength ?? 1, 1, PieceLayout.MaximumPieceLength);
        check.Range("blockLength", scenario.BlockLength ?? 1, 1, PieceLayout.MaximumPieceLength);
        var pieces = PieceCountOf(scenario);
        check.That(
            pieces <= MaximumPieceCount, "pieceLength",
            $"{PieceLengthOf(scenario):N0} bytes cut {scenario.ContentLength:N0} into {pieces:N0} pieces; at most {MaximumPieceCount:N0} are simulated");
    }

    private static long PieceCountOf(Scenario scenario)
    {
        long length = PieceLengthOf(scenario);
        return (scenario.ContentLength + length - 1) / length;
    }

    private static void CheckZones(Scenario scenario, Checker check)
    {
        check.Range("zones", scenario.Zones.Count, 0, MaximumPartCount, "zones");
        for (var i = 0; i < scenario.Zones.Count; i++)
        {
            var (zone, at) = (scenario.Zones[i], $"zones[{i}]");
            check.Name($"{at}.name", zone.Name);
            check.That(scenario.Zones.Take(i).All(other => other.Name != zone.Name), $"{at}.name", $"there are two zones '{zone.Name}'");
            check.Rate($"{at}.up", zone.UpBytesPerSecond);
            check.Rate($"{at}.down", zone.DownBytesPerSecond);
            check.Latency($"{at}.latency", zone.Latency);
        }
    }

    private static void CheckClasses(Scenario scenario, Checker check)
    {
        check.Range("classes", scenario.Classes.Count, 1, MaximumPartCount, "classes");
        var peers = 0L;
        for (var i = 0; i < scenario.Classes.Count; i++)
        {
            var (peer, at) = (scenario.Classes[i], $"classes[{i}]");
            check.That(scenario.Classes.Take(i).All(other => other.Name != peer.Name), $"{at}.name", $"there are two classes '{peer.Name}'");
            CheckClass(peer, at, scenario, check);
            peers += peer.Count;
        }

        check.That(peers <= MaximumPeerCount, "classes", $"there are {peers:N0} peers in all; at most {MaximumPeerCount:N0} are simulated");
        check.That(scenario.Classes.Any(peer => peer is { IsSeeder: true, Behavior: Behavior.Honest }), "classes", "no class has \"seeder\": true, so nobody has the content");
        check.That(scenario.Classes.Any(peer => !peer.IsSeeder), "classes", "all are seeders: nobody wants the content");
        check.That(
            scenario.Classes.Any(peer => peer is { IsSeeder: false, Behavior: Behavior.Honest }), "classes", "no leecher is honest, so nobody's download is waited for");
        check.That(
            peers * PieceCountOf(scenario) <= MaximumPieceCountOfAll, "classes",
            $"{peers:N0} peers with {PieceCountOf(scenario):N0} pieces each are too much; at most {MaximumPieceCountOfAll:N0} over all (longer pieces help)");
    }

    private static void CheckClass(PeerClass peer, string at, Scenario scenario, Checker check)
    {
        check.Name($"{at}.name", peer.Name);
        check.Range($"{at}.count", peer.Count, 1, MaximumPeerCount);
        check.Rate($"{at}.up", peer.UpBytesPerSecond);
        check.Rate($"{at}.down", peer.DownBytesPerSecond);
        check.Rate($"{at}.disk", peer.WriteBytesPerSecond);
        check.Latency($"{at}.latency", peer.Latency);
        check.Time($"{at}.joinAt", peer.JoinAt);
        check.Time($"{at}.joinWithin", peer.JoinWithin);
        check.That(peer.ArrivalsPerSecond is >= 0 and <= 1_000_000, $"{at}.arrivalsPerSecond", "must be from 0 to 1,000,000");
        check.That(peer.ArrivalsPerSecond == 0 || peer.JoinWithin == TimeSpan.Zero, $"{at}.arrivalsPerSecond", "and joinWithin cannot both be: either arrivals are random or evenly spread");
        check.Time($"{at}.stay", peer.StayAfterCompletion ?? TimeSpan.Zero);
        check.That(!peer.IsSeeder || peer.StayAfterCompletion is null, $"{at}.stay", "seeders complete nothing; 'lifetime' says when they leave");
        check.Time($"{at}.lifetime", peer.MeanLifetime ?? TimeSpan.Zero);
        check.That(peer.MeanLifetime is null || peer.MeanLifetime > TimeSpan.Zero, $"{at}.lifetime", "must be above 0");
        check.That(peer.Zone is null || scenario.Zones.Any(zone => zone.Name == peer.Zone), $"{at}.zone", $"there is no zone '{peer.Zone}'");
        check.Range($"{at}.rackSize", peer.RackSize, 0, MaximumPeerCount);
        check.That(peer.RackSize == 0 || peer.RackBytesPerSecond > 0, $"{at}.rackSize", "a rack needs a rackRate as well");
        check.That(peer.RackSize > 0 || peer.RackBytesPerSecond == 0, $"{at}.rackRate", "a rack needs a rackSize as well");
        check.Range($"{at}.rackRate", peer.RackBytesPerSecond, 0, MaximumRateBytesPerSecond, "bytes per second");
        check.That(!peer.IsSeeder || peer.Behavior is Behavior.Honest or Behavior.Corrupter or Behavior.Slowloris, $"{at}.behavior", "a seeder cannot be that: it has everything and sends nothing");
    }

    private static void CheckFaults(Scenario scenario, Checker check)
    {
        check.Range("faults", scenario.Faults.Count, 0, MaximumPartCount, "faults");
        for (var i = 0; i < scenario.Faults.Count; i++)
        {
            var (fault, at) = (scenario.Faults[i], $"faults[{i}]");
            var kind = ScenarioFields.FaultKinds[(int)fault.Kind];
            check.Time($"{at}.at", fault.At);
            check.Time($"{at}.for", fault.Duration);
            check.That(fault.Kind == FaultKind.Crash || fault.Duration > TimeSpan.Zero, at, $"'for' is missing: how long {kind} lasts");
            var strikesClass = fault.Kind is FaultKind.Crash or FaultKind.SlowDisk or FaultKind.FullDisk;
            check.That(strikesClass == (fault.Class is not null), $"{at}.class", strikesClass ? $"is missing: {kind} strikes peers of a class" : $"{kind} strikes no class of peers");
            check.That((fault.Kind == FaultKind.Partition) == (fault.Zone is not null), $"{at}.zone", fault.Zone is null ? $"is missing: {kind} cuts off a zone" : $"{kind} strikes no zone");
            check.That(fault.Zone is null || scenario.Zones.Any(zone => zone.Name == fault.Zone), $"{at}.zone", $"there is no zone '{fault.Zone}'");
            if (fault.Class is { } name)
            {
                var struck = scenario.Classes.FirstOrDefault(peer => peer.Name == name);
                check.That(struck is not null, $"{at}.class", $"there is no class '{name}'");
                check.Range($"{at}.count", fault.Count, 1, struck!.Count);
            }
        }
    }

    private readonly struct Checker(string source)
    {
        public void That(bool holds, string place, string text)
        {
            if (!holds)
            {
                throw new ScenarioException(source, place, text);
            }
        }

        public void Range(string place, long value, long least, long most, string? what = null) =>
            That(value >= least && value <= most, place, $"{value:N0}{(what is null ? "" : " " + what)} {(value < least ? "is below" : "is above")} {(value < least ? least : most):N0}, the {(value < least ? "least" : "most")} there may be");

        public void Rate(string place, long rate) => Range(place, rate, 1, MaximumRateBytesPerSecond, "bytes per second");

        public void Time(string place, TimeSpan time) => That(time >= TimeSpan.Zero && time <= MaximumTime, place, $"must be from 0 to {MaximumTime.Days} days");

        public void Latency(string place, TimeSpan time) => That(time >= TimeSpan.Zero && time <= MaximumLatency, place, "must be from 0 to 1 minute");

        // Names go to terminals, CSV and SVG: short, and no control characters.
        public void Name(string place, string name) => That(
            name.Length is > 0 and <= MaximumNameLength && !name.Any(char.IsControl) && name.Trim() == name, place,
            $"must be 1 to {MaximumNameLength} characters, without control characters or blanks at its ends");
    }
}
