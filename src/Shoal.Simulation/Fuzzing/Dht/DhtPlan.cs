using Shoal.Engine;

namespace Shoal.Simulation.Fuzzing.Dht;

/// <summary>What a hostile host of the DHT is up to. All of them answer, so that they come into tables, and ask.</summary>
internal enum Mischief
{
    /// <summary>Damages, cuts and lengthens whatever it says.</summary>
    Mangler,

    /// <summary>Answers in the name of others, with transaction ids that it guesses or knows; asks in their name; repeats what it said.</summary>
    Spoofer,

    /// <summary>Names who asks to itself, under its own id and under others; says that it is somewhere else.</summary>
    Mirror,

    /// <summary>Names others of its kind, each as near to what is looked for as can be, and made-up peers by the hundred.</summary>
    Loop,

    /// <summary>Names nodes where nobody is, near to what is looked for; addresses of the asker's own machine and network, of groups, of nowhere.</summary>
    Dead,

    /// <summary>Asks by the hundred at once, also in the name of others.</summary>
    Flooder,

    /// <summary>Announces many torrents: with tokens of others, old, cut or made-up ones, and with its own; gives tokens that nobody takes.</summary>
    Forger,

    /// <summary>Is thousands of nodes: another id, and another port, each time.</summary>
    Sybil,
}

/// <summary>A DHT in which everything goes wrong. Immutable.</summary>
internal sealed record DhtPlan
{
    /// <summary>Whether it is the DHT of IPv6.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>Honest nodes at a time, of which the first stays.</summary>
    public int HonestCount { get; init; }

    /// <summary>Those of them that only ask (BEP 43).</summary>
    public int ReadOnlyCount { get; init; }

    /// <summary>Those of them whose bounds are narrow.</summary>
    public int NarrowCount { get; init; }

    /// <summary>The hostile hosts.</summary>
    public IReadOnlyList<Mischief> Hostile { get; init; } = [];

    /// <summary>What the network does.</summary>
    public Weather Weather { get; init; } = new();

    /// <summary>How long an honest node stays on average as long as the weather lasts; zero: they all stay.</summary>
    public TimeSpan MeanLife { get; init; }

    /// <summary>Torrents that are announced once the weather is over, each by one node and then looked for by another.</summary>
    public int LookupCount { get; init; }
}

/// <summary>A DHT to try.</summary>
internal sealed record DhtCase(ulong Seed, IReadOnlyList<int> Shrunk, DhtPlan Plan) : FuzzCase(Seed, Shrunk)
{
    public override FuzzWorld World => FuzzWorld.Dht;

    public override string Text => FuzzJson.Text(Plan, FuzzJson.Default.DhtPlan);

    internal override FuzzOutcome Run() => DhtRun.Run(this);

    internal override IEnumerable<FuzzCase> Smaller() =>
        DhtCases.Smaller(Plan).Select((plan, number) => this with { Shrunk = [.. Shrunk, number], Plan = plan });
}

/// <summary>Makes a case from a seed, and smaller ones of one. Whoever changes this changes what all seeds do.</summary>
internal static class DhtCases
{
    /// <summary>
    /// Hosts that name each other as the nearest of all, at most: more of them than half of the eight that a lookup ends at would hide from it whatever
    /// lies there, by the protocol.
    /// </summary>
    private const int MostInLoop = 3;

    private static readonly Mischief[] Kinds = Enum.GetValues<Mischief>();

    public static DhtCase Of(ulong seed)
    {
        var prng = new Prng(seed);
        var honest = 10 + prng.Next(22);
        var hostile = new Mischief[prng.Next((honest / 3) + 1)];
        for (var i = 0; i < hostile.Length; i++)
        {
            hostile[i] = Kinds[prng.Next(Kinds.Length)];
            if (hostile[i] == Mischief.Loop && hostile.Count(kind => kind == Mischief.Loop) > MostInLoop)
            {
                hostile[i] = Mischief.Mangler;
            }
        }

        var until = TimeSpan.FromSeconds(prng.Next(8) == 0 ? 1800 + prng.Next(1200) : 60 + prng.Next(prng.Next(3) == 0 ? 900 : 200));
        return new DhtCase(seed, [], new DhtPlan
        {
            IsIPv6 = prng.Next(4) == 0,
            HonestCount = honest,
            ReadOnlyCount = prng.Next(3) == 0 ? prng.Next(honest / 4) : 0,
            NarrowCount = prng.Next(2) == 0 ? prng.Next(honest / 4) : 0,
            Hostile = hostile,
            Weather = Weather.Draw(prng, until),
            MeanLife = prng.Next(2) == 0 ? TimeSpan.FromSeconds(60 + prng.Next(600)) : TimeSpan.Zero,
            LookupCount = 8 + prng.Next(5),
        });
    }

    public static IEnumerable<DhtPlan> Smaller(DhtPlan plan)
    {
        List<DhtPlan> smaller =
        [
            .. plan.Weather.Milder().Select(weather => plan with { Weather = weather }),
            plan with { HonestCount = Math.Max(2, plan.HonestCount / 2) },
            plan with { HonestCount = Math.Max(2, plan.HonestCount - 1) },
            plan with { MeanLife = TimeSpan.Zero },
            plan with { ReadOnlyCount = 0 },
            plan with { NarrowCount = 0 },
            plan with { IsIPv6 = false },
            plan with { LookupCount = plan.LookupCount / 2 },
            plan with { Weather = plan.Weather.Shorter() },
        ];
        smaller.RemoveAll(other => other == plan);
        if (plan.Hostile.Count > 0)
        {
            smaller.Insert(0, plan with { Hostile = [] });
            smaller.AddRange(plan.Hostile.Select((_, left) => plan with { Hostile = [.. plan.Hostile.Where((_, at) => at != left)] }));
        }

        return smaller;
    }
}
