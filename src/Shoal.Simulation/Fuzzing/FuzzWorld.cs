namespace Shoal.Simulation.Fuzzing;

/// <summary>What the fuzzer looks for faults in. Of each seed there is a case in every world.</summary>
public enum FuzzWorld
{
    /// <summary>A swarm, or a job's: peers, a tracker, links, disks.</summary>
    Swarm,

    /// <summary>Nodes of the DHT, honest and hostile.</summary>
    Dht,

    /// <summary>One machine that has ports mapped, and whoever answers it on its network.</summary>
    Router,

    /// <summary>Metadata of secret shares, and a link that shall open them.</summary>
    Secret,
}

/// <summary>The worlds as the command names them.</summary>
public static class FuzzWorlds
{
    /// <summary>All of them, in the order in which a seed is run.</summary>
    public static IReadOnlyList<FuzzWorld> All { get; } = Enum.GetValues<FuzzWorld>();

    /// <summary>The name, in small letters.</summary>
    public static string NameOf(FuzzWorld world) => world.ToString().ToLowerInvariant();
}
