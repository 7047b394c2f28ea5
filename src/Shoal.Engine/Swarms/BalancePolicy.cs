namespace Shoal.Engine.Swarms;

/// <summary>
/// How a swarm spreads its requests over those who have what it wants. The first four are for jobs between trusted ranks:
/// pieces are asked for in order, each from one holder, peers tell nothing of what they have, and whoever lacks a piece
/// rejects (BEP 6). All peers of a swarm must have the same.
/// </summary>
public enum BalancePolicy : byte
{
    /// <summary>Rarest first; peers tell what they have, and outstanding requests count. The way of BitTorrent.</summary>
    Swarm,

    /// <summary>A random holder for each piece.</summary>
    Random,

    /// <summary>The holder that was asked least often, as the tracker counts it.</summary>
    LeastRequested,

    /// <summary>The holder that has uploaded least, as the holders themselves tell.</summary>
    LeastUploaded,

    /// <summary>The holder that has uploaded least, as the tracker hears from all.</summary>
    TrackerPolled,
}

/// <summary>The policies by name, as users write them.</summary>
public static class BalancePolicies
{
    private static readonly string[] Texts = ["swarm", "random", "least-requested", "least-uploaded", "tracker-polled"];

    /// <summary>All names, in the order of the enumeration.</summary>
    public static IReadOnlyList<string> Names => Texts;

    /// <summary>The name of a policy.</summary>
    public static string NameOf(BalancePolicy policy) => Texts[(int)policy];

    /// <summary>Finds a policy by its name; false if there is none.</summary>
    public static bool TryParse(string name, out BalancePolicy policy)
    {
        var at = Array.IndexOf(Texts, name);
        policy = (BalancePolicy)Math.Max(0, at);
        return at >= 0;
    }
}
