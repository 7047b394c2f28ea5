namespace Shoal.Simulation.Scenarios;

/// <summary>
/// The names that a scenario file knows, object by object. The published schema has the same: a test holds them together.
/// </summary>
internal static class ScenarioFields
{
    public static readonly IReadOnlyList<string> Scenario =
    [
        "$schema", "name", "description", "seed", "size", "pieceLength", "blockLength", "classes", "zones", "tracker", "swarm", "faults", "limit",
    ];

    public static readonly IReadOnlyList<string> PeerClass =
    [
        "name", "count", "seeder", "up", "down", "latency", "joinAt", "joinWithin", "arrivalsPerSecond", "stay", "lifetime", "zone", "rackSize",
        "rackRate", "disk", "behavior",
    ];

    public static readonly IReadOnlyList<string> Zone = ["name", "up", "down", "latency"];

    public static readonly IReadOnlyList<string> Tracker = ["interval", "latency"];

    public static readonly IReadOnlyList<string> Swarm = ["policy", "job", "trusted", "connections", "uploadSlots"];

    public static readonly IReadOnlyList<string> Fault = ["kind", "at", "for", "class", "count", "zone"];

    /// <summary>How behaviors are called, in the order of the enumeration.</summary>
    public static readonly IReadOnlyList<string> Behaviors = ["honest", "free-rider", "corrupter", "liar", "slowloris"];

    /// <summary>How faults are called, in the order of the enumeration.</summary>
    public static readonly IReadOnlyList<string> FaultKinds = ["crash", "partition", "slow-disk", "full-disk", "tracker-down"];

    /// <summary>"; did you mean 'up'?", or "; there are …" where nothing is like it.</summary>
    public static string Near(string name, IReadOnlyList<string> known)
    {
        var near = known.Where(one => IsNear(name, one)).Select(one => $"'{one}'").ToList();
        return near.Count > 0 ? $"; did you mean {string.Join(" or ", near)}?" : $"; there are {string.Join(", ", known.Where(one => one[0] != '$'))}";
    }

    private static bool IsNear(string name, string known) =>
        (name.Length >= 2 && known.StartsWith(name, StringComparison.OrdinalIgnoreCase)) ||
        (known.Length >= 2 && name.StartsWith(known, StringComparison.OrdinalIgnoreCase)) ||
        Distance(name.ToUpperInvariant(), known.ToUpperInvariant()) <= Math.Max(1, known.Length / 3);

    // Levenshtein's: letters to insert, delete or change. A name is bounded by the caller.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
