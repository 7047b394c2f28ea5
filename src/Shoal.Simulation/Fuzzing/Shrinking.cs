using Shoal.Simulation.Faults;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Fuzzing;

/// <summary>
/// Makes a failing case smaller while it still fails. From each case there is a list of smaller ones, always the same; the numbers of
/// those that were taken, in order, are the way from the seed's case to the shrunk one.
/// </summary>
internal static class Shrinking
{
    /// <summary>Cases that are tried at most.</summary>
    private const int MostTries = 300;

    /// <summary>The smallest case found that still fails, and how.</summary>
    /// <param name="failed">What failed.</param>
    /// <param name="run">Runs a case.</param>
    /// <param name="stop">Ends it: what was found by then is the smallest.</param>
    public static FuzzOutcome Shrink(FuzzOutcome failed, Func<FuzzCase, FuzzOutcome> run, CancellationToken stop = default)
    {
        var tries = 0;
        for (var isSmaller = true; isSmaller && tries < MostTries;)
        {
            isSmaller = false;
            foreach (var smaller in Smaller(failed.Case))
            {
                if (++tries > MostTries || stop.IsCancellationRequested)
                {
                    break;
                }

                if (run(smaller) is { Failure: not null } stillFailed)
                {
                    (failed, isSmaller) = (stillFailed, true);
                    break;
                }
            }
        }

        return failed;
    }

    /// <summary>Goes a way that <see cref="Shrink"/> found; null if there is no such way.</summary>
    public static FuzzCase? Follow(FuzzCase from, IEnumerable<int> way)
    {
        FuzzCase? at = from;
        foreach (var step in way)
        {
            at = at is null ? null : Smaller(at).FirstOrDefault(smaller => smaller.Shrunk[^1] == step);
        }

        return at;
    }

    /// <summary>The next smaller cases; what takes most away comes first.</summary>
    public static IEnumerable<FuzzCase> Smaller(FuzzCase larger)
    {
        var number = 0;
        foreach (var (scenario, adversity) in Candidates(larger.Scenario, larger.Adversity))
        {
            yield return larger with { Shrunk = [.. larger.Shrunk, number++], Scenario = scenario, Adversity = adversity };
        }
    }

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
