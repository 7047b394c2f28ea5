using Shoal.Engine;
using Shoal.Engine.PortMapping;

namespace Shoal.Simulation.Fuzzing.Routers;

/// <summary>What goes wrong with a router and its network as long as the weather lasts.</summary>
[Flags]
internal enum RouterTrouble
{
    None = 0,

    /// <summary>Others answer in its place: from another address, or another port of its; from its own without having seen what was asked.</summary>
    Spoofed = 1,

    /// <summary>Its clock runs as it likes.</summary>
    WrongEpochs = 2,

    /// <summary>It grants no time at all, no port, or a place that is none.</summary>
    EmptyGrants = 4,

    /// <summary>It is started anew again and again, and has forgotten all.</summary>
    Reboots = 8,

    /// <summary>Others on the network answer to searches: for themselves, for others, for who asked, by the hundred.</summary>
    Liars = 16,

    /// <summary>Its HTTP answers are damaged, cut, too long, late, errors, or lead elsewhere.</summary>
    BadHttp = 32,

    /// <summary>Somebody tells all of the network, in its name, that it was started anew.</summary>
    Announcements = 64,

    /// <summary>Answers come that nobody waits for, and such as have come before.</summary>
    OldAnswers = 128,
}

/// <summary>A machine that has ports mapped, and what answers it. Immutable.</summary>
internal sealed record RouterPlan
{
    /// <summary>Whether the router knows PCP.</summary>
    public bool KnowsPcp { get; init; }

    /// <summary>Whether it knows NAT-PMP.</summary>
    public bool KnowsNatPmp { get; init; }

    /// <summary>Whether it knows UPnP.</summary>
    public bool KnowsUpnp { get; init; }

    /// <summary>Whether it says so when it is asked in what it does not know.</summary>
    public bool IsPolite { get; init; }

    /// <summary>The version of its gateway device.</summary>
    public int IgdVersion { get; init; } = 1;

    /// <summary>Whether it knows UPnP's mappings for ever only.</summary>
    public bool MapsForEver { get; init; }

    /// <summary>The longest that it grants, in seconds.</summary>
    public int GrantedSeconds { get; init; }

    /// <summary>For how long a port is asked for.</summary>
    public TimeSpan Lifetime { get; init; }

    /// <summary>One port of TCP, or one of UDP, too.</summary>
    public int PortCount { get; init; }

    /// <summary>What goes wrong.</summary>
    public RouterTrouble Trouble { get; init; }

    /// <summary>What the network does to datagrams.</summary>
    public Weather Weather { get; init; } = new();

    /// <summary>Whether the router is started anew once more when all is well.</summary>
    public bool RestartsInTheEnd { get; init; }

    public bool Has(RouterTrouble trouble) => Trouble.HasFlag(trouble);
}

/// <summary>A router to try.</summary>
internal sealed record RouterCase(ulong Seed, IReadOnlyList<int> Shrunk, RouterPlan Plan) : FuzzCase(Seed, Shrunk)
{
    public override FuzzWorld World => FuzzWorld.Router;

    public override string Text => FuzzJson.Text(Plan, FuzzJson.Default.RouterPlan);

    internal override FuzzOutcome Run() => RouterRun.Run(this);

    internal override IEnumerable<FuzzCase> Smaller() =>
        RouterCases.Smaller(Plan).Select((plan, number) => this with { Shrunk = [.. Shrunk, number], Plan = plan });
}

/// <summary>Makes a case from a seed, and smaller ones of one. Whoever changes this changes what all seeds do.</summary>
internal static class RouterCases
{
    private static readonly RouterTrouble[] Troubles = Enum.GetValues<RouterTrouble>();

    public static RouterCase Of(ulong seed)
    {
        var prng = new Prng(seed);
        var trouble = RouterTrouble.None;
        for (var i = prng.Next(5); i > 0; i--)
        {
            trouble |= Troubles[prng.Next(Troubles.Length)];
        }

        var knows = 1 + prng.Next(7);
        var until = TimeSpan.FromSeconds(prng.Next(3) == 0 ? prng.Next(20_000) : prng.Next(1200));
        return new RouterCase(seed, [], new RouterPlan
        {
            KnowsPcp = (knows & 1) != 0,
            KnowsNatPmp = (knows & 2) != 0,
            KnowsUpnp = (knows & 4) != 0,
            IsPolite = prng.Next(2) == 0,
            IgdVersion = 1 + prng.Next(2),
            MapsForEver = prng.Next(4) == 0,
            GrantedSeconds = 120 + prng.Next(prng.Next(2) == 0 ? 600 : 1_000_000),
            Lifetime = TimeSpan.FromSeconds(prng.Next(2) == 0 ? 3600 : 300 + prng.Next(7200)),
            PortCount = 1 + prng.Next(2),
            Trouble = trouble,
            Weather = Weather.Draw(prng, until),
            RestartsInTheEnd = prng.Next(2) == 0,
        });
    }

    public static IEnumerable<RouterPlan> Smaller(RouterPlan plan)
    {
        List<RouterPlan> smaller = [plan with { Trouble = RouterTrouble.None }];
        smaller.AddRange(plan.Weather.Milder().Select(weather => plan with { Weather = weather }));
        smaller.AddRange(Troubles.Select(trouble => plan with { Trouble = plan.Trouble & ~trouble }));
        smaller.AddRange(
        [
            plan with { PortCount = 1 },
            plan with { RestartsInTheEnd = false },
            plan with { MapsForEver = false },
            plan with { IsPolite = true },
            plan with { IgdVersion = 1 },
            plan with { KnowsUpnp = false },
            plan with { KnowsNatPmp = false },
            plan with { KnowsPcp = false },
            plan with { Weather = plan.Weather.Shorter() },
        ]);
        return smaller.Where(other => other != plan && (other.KnowsPcp || other.KnowsNatPmp || other.KnowsUpnp)).Distinct();
    }
}

/// <summary>What became of it.</summary>
/// <param name="Case">The case.</param>
/// <param name="Failure">What went wrong, in one line; null if nothing did.</param>
/// <param name="EventHash">The hash of all events in their order.</param>
/// <param name="EventCount">How many events there were.</param>
/// <param name="GrantCount">How often a port was mapped or renewed.</param>
internal sealed record RouterOutcome(FuzzCase Case, string? Failure, ulong EventHash, long EventCount, int GrantCount)
    : FuzzOutcome(Case, Failure, EventHash, EventCount);
