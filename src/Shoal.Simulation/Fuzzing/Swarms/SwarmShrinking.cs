using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>What a swarm's case can do without: a list of smaller cases, always the same.</summary>
internal static class SwarmShrinking
{
    /// <summary>The next smaller cases; what takes most away comes first.</summary>
    public static IEnumerable<SwarmCase> Smaller(SwarmCase larger) => Candidates(larger.Scenario, larger.Adversity).Select((smaller, number) =>
        larger with { Shrunk = [.. larger.Shrunk, number], Scenario = smaller.Scenario, Adversity = smaller.Adversity });

    private static IEnumerable<(Scenario Scenario, Adversity Adversity)> Candidates(Scenario scenario, Adversity adversity)
    {
        if (scenario.Faults.Count > 0)
        {
            yield return (scenario with { Faults = [] }, adversity);
        }

        var none = new Adversity { Spared = adversity.Spared };
        if (adversity != none)
        {
            yield return (scenario, none);
        }

        foreach (var peers in scenario.Classes.Where(peers => peers.Name != adversity.Spared))
        {
            if (scenario.Classes.Any(other => other != peers && Liveness.IsExpected(other) && other.MeanLifetime is null))
            {
                yield return (Without(scenario, peers), adversity);
            }

            if (peers.Count > 1)
            {
                yield return (With(scenario, peers, peers with { Count = peers.Count / 2 }), adversity);
                yield return (With(scenario, peers, peers with { Count = peers.Count - 1 }), adversity);
            }
        }

        foreach (var fault in scenario.Faults)
        {
            yield return (scenario with { Faults = [.. scenario.Faults.Where(other => !ReferenceEquals(other, fault))] }, adversity);
        }

        foreach (var milder in Milder(adversity))
        {
            yield return (scenario, milder);
        }

        foreach (var length in new[] { scenario.ContentLength / 2, scenario.ContentLength - scenario.PieceLength!.Value })
        {
            if (length > 0)
            {
                yield return (scenario with { ContentLength = length }, adversity);
            }
        }

        if (scenario.Zones.Count > 0)
        {
            yield return (Unzoned(scenario), adversity);
        }

        foreach (var peers in scenario.Classes)
        {
            if (peers.RackSize > 0)
            {
                yield return (With(scenario, peers, peers with { RackSize = 0 }), adversity);
            }

            if (peers.JoinWithin > TimeSpan.Zero || peers.JoinAt > TimeSpan.Zero)
            {
                yield return (With(scenario, peers, peers with { JoinAt = TimeSpan.Zero, JoinWithin = TimeSpan.Zero }), adversity);
            }
        }
    }

    private static IEnumerable<Adversity> Milder(Adversity adversity)
    {
        Adversity[] milder =
        [
            adversity with { Jitter = TimeSpan.Zero },
            adversity with { IsSplit = false },
            adversity with { MeanLinkLifetime = null, SilentPercent = 0 },
            adversity with { SilentPercent = 0 },
            adversity with { UnreadablePerTenThousand = 0 },
            adversity with { IsTearing = false },
            adversity with { FromLinkPercent = 0 },
            adversity with { EncryptedPercent = 0 },
            adversity with { Linger = TimeSpan.Zero },
            adversity with { HasEndpoints = false, ExchangesPeers = false, LooksAround = false },
            adversity with { BufferBytes = null },
            adversity with { RequestDepth = null },
            adversity with { ExchangesPeers = false },
            adversity with { LooksAround = false },
        ];
        return milder.Where(other => other != adversity);
    }

    private static Scenario Without(Scenario scenario, PeerClass peers) => scenario with
    {
        Classes = [.. scenario.Classes.Where(other => other != peers)],
        Faults = [.. scenario.Faults.Where(fault => fault.Class != peers.Name)],
    };

    private static Scenario With(Scenario scenario, PeerClass peers, PeerClass instead) => scenario with
    {
        Classes = [.. scenario.Classes.Select(other => other == peers ? instead : other)],
        // Instances stay where nothing changes: a fault is known by its own.
        Faults = [.. scenario.Faults.Select(fault => fault.Class == peers.Name && fault.Count > instead.Count ? fault with { Count = instead.Count } : fault)],
    };

    private static Scenario Unzoned(Scenario scenario) => scenario with
    {
        Zones = [],
        Classes = [.. scenario.Classes.Select(peers => peers with { Zone = null })],
        Faults = [.. scenario.Faults.Where(fault => fault.Kind != FaultKind.Partition)],
    };
}
