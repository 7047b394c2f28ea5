using System.CommandLine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Scenarios;

namespace Shoal.Cli.Commands;

/// <summary>A run to be made.</summary>
/// <param name="Label">What is special about it: its policy, its piece length, or else the scenario's name.</param>
/// <param name="Scenario">What to run.</param>
internal sealed record PlannedRun(string Label, Scenario Scenario);

/// <summary>
/// What `simulate` runs, by its options: a scenario of a file, or a flash crowd; changed by options; in every policy and piece length
/// that is named, with every seed. All are checked before the first begins.
/// </summary>
internal sealed record SimulatePlan(Scenario Scenario, IReadOnlyList<string> Labels, IReadOnlyList<PlannedRun> Runs)
{
    private const int MaximumRunCount = 10_000;
    private const int SeedsToCompare = 5;

    private static readonly Argument<string?> File = new("scenario")
    {
        Description = "A scenario: JSON as docs/simulation.md describes it (default: a flash crowd of --peers)", HelpName = "SCENARIO.json",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int?> Peers = SharedOptions.Count("--peers", "Leechers (default: 100); the classes of a file, and how many of them faults strike, in proportion");

    private static readonly Option<long?> Size = Sized("--size", "Bytes of the content (default: 1GiB)");

    private static readonly Option<long?> Up = Rate("--up", "The uplink of each leecher (default: 100Mbit)");

    private static readonly Option<long?> Down = Rate("--down", "The downlink of each leecher (default: 100Mbit)");

    private static readonly Option<long?> SeedUp = Rate("--seed-up", "The uplink of each seeder (default: 100Mbit)");

    private static readonly Option<TimeSpan?> Latency = Time("--latency", "One way from each peer to the middle of the network (default: 5ms)");

    private static readonly Option<bool> Trusted = new("--trusted") { Description = "All peers are parts of one job: nobody is choked" };

    private static readonly Option<IReadOnlyList<BalancePolicy>?> Policies = Listed<BalancePolicy>("--policy", "POLICY,…",
        $"How requests are spread: {string.Join(", ", BalancePolicies.Names)}; several give a run each (default: {BalancePolicies.Names[0]})",
        text => BalancePolicies.TryParse(text, out var policy) ? (policy, null) : (default, $"'{text}' is none of {string.Join(", ", BalancePolicies.Names)}"));

    private static readonly Option<IReadOnlyList<int>?> PieceLengths = Listed<int>("--piece-length", "SIZE,…", "Bytes in a piece; several give a run each (default: by size)", ParseLength);

    private static readonly Option<int?> BlockLength = SharedOptions.Parsed<int?>("--block-length", "SIZE", "Bytes in a block: longer ones run faster, and are coarser (default: 16KiB, or more where peers are many)", text =>
        ParseLength(text) is (var length, null) ? (length, null) : (null, ParseLength(text).Error));

    /// <summary>The first seed.</summary>
    public static Option<ulong?> Seed { get; } = SharedOptions.Parsed<ulong?>("--seed", "NUMBER", "The seed of all chance: the same again gives the same run (default: 1)", text =>
        ulong.TryParse(text, out var seed) ? (seed, null) : (null, $"'{text}' is not a whole number of at least 0"));

    /// <summary>How many seeds.</summary>
    public static Option<int?> Seeds { get; } = SharedOptions.Count("--seeds", "Run with so many seeds, from --seed on");

    private static readonly Option<TimeSpan?> Limit = Time("--limit", "Virtual time after which a run is broken off (default: 1d)");

    /// <summary>Adds the options that make a plan.</summary>
    public static void AddTo(Command command)
    {
        command.Arguments.Add(File);
        Option[] options = [Peers, Size, Up, Down, SeedUp, Latency, Trusted, Policies, PieceLengths, BlockLength, Seed, Seeds, Limit];
        for (var i = 0; i < options.Length; i++)
        {
            command.Options.Insert(i, options[i]);
        }
    }

    /// <summary>The scenario's file; null for the options' flash crowd.</summary>
    public static string? FileOf(ParseResult parse) => parse.GetValue(File);

    /// <summary>Makes the plan.</summary>
    /// <exception cref="ScenarioException">A scenario cannot be.</exception>
    /// <exception cref="UserErrorException">The file cannot be read, or there would be too many runs.</exception>
    public static SimulatePlan Of(ParseResult parse, bool compares)
    {
        var file = parse.GetValue(File);
        var source = file is null ? "the options' flash crowd" : Path.GetFileName(file);
        var scenario = Change(file is null ? FlashCrowd() : ScenarioReader.Read(ReadFile(file), source), parse);
        var policies = parse.GetValue(Policies) ?? [scenario.Swarm.Policy];
        var lengths = parse.GetValue(PieceLengths)?.Select(length => (int?)length).ToList() ?? [scenario.PieceLength];
        var seeds = parse.GetValue(Seeds) ?? (compares ? SeedsToCompare : 1);
        if ((long)policies.Count * lengths.Count * seeds > MaximumRunCount)
        {
            throw new UserErrorException($"that would be {(long)policies.Count * lengths.Count * seeds} runs; at most {MaximumRunCount} are made");
        }

        // Where swarm is compared with the others nothing but the policy may differ.
        var isJob = scenario.Swarm.IsJob || policies.Any(policy => policy != BalancePolicy.Swarm);
        var sizes = LabelsOf(lengths);
        var labels = new List<string>();
        var runs = new List<PlannedRun>();
        foreach (var (policy, length, size) in policies.SelectMany(policy => lengths.Zip(sizes, (length, size) => (policy, length, size))))
        {
            string[] parts = [.. policies.Count > 1 ? [BalancePolicies.NameOf(policy)] : (string[])[], .. lengths.Count > 1 ? [size] : (string[])[]];
            var variant = scenario with { PieceLength = length, Swarm = scenario.Swarm with { Policy = policy, IsJob = isJob } };
            ScenarioRules.Check(variant, source);
            labels.Add(parts.Length > 0 ? string.Join(", ", parts) : scenario.Name);
            runs.AddRange(Enumerable.Range(0, seeds).Select(i => new PlannedRun(labels[^1], variant with { Seed = unchecked(scenario.Seed + (ulong)i) })));
        }

        return new SimulatePlan(scenario, labels, runs);
    }

    // In bytes where two would look alike: a label names one variant.
    private static List<string> LabelsOf(List<int?> lengths)
    {
        var sizes = lengths.ConvertAll(length => Units.Size(length ?? 0));
        return sizes.Distinct(StringComparer.Ordinal).Count() == sizes.Count ? sizes : lengths.ConvertAll(length => $"{length:N0} B");
    }

    private static Scenario FlashCrowd()
    {
        const long Rate = 12_500_000;
        return new Scenario
        {
            Name = "flash crowd",
            ContentLength = 1 << 30,
            Classes =
            [
                new PeerClass { Name = "seeder", IsSeeder = true, UpBytesPerSecond = Rate, DownBytesPerSecond = Rate },
                new PeerClass { Name = "leechers", Count = 100, UpBytesPerSecond = Rate, DownBytesPerSecond = Rate },
            ],
        };
    }

    private static Scenario Change(Scenario scenario, ParseResult parse)
    {
        var leechers = scenario.Classes.Where(one => !one.IsSeeder).Sum(one => (long)one.Count);
        var peers = parse.GetValue(Peers);
        int Scaled(int count) => peers is not { } wanted ? count : (int)Math.Max(1, ((2L * wanted * count) + leechers) / (2 * leechers));
        return scenario with
        {
            ContentLength = parse.GetValue(Size) ?? scenario.ContentLength,
            BlockLength = parse.GetValue(BlockLength) ?? scenario.BlockLength,
            Seed = parse.GetValue(Seed) ?? scenario.Seed,
            Limit = parse.GetValue(Limit) ?? scenario.Limit,
            Swarm = scenario.Swarm with { IsTrusted = scenario.Swarm.IsTrusted || parse.GetValue(Trusted) },
            Classes = [.. scenario.Classes.Select(one => one with
            {
                Count = one.IsSeeder ? one.Count : Scaled(one.Count),
                UpBytesPerSecond = (one.IsSeeder ? parse.GetValue(SeedUp) : parse.GetValue(Up)) ?? one.UpBytesPerSecond,
                DownBytesPerSecond = (one.IsSeeder ? null : parse.GetValue(Down)) ?? one.DownBytesPerSecond,
                Latency = parse.GetValue(Latency) ?? one.Latency,
            })],
            Faults = [.. scenario.Faults.Select(fault => fault with
            {
                Count = scenario.Classes.Any(one => one.IsSeeder && one.Name == fault.Class) ? fault.Count : Scaled(fault.Count),
            })],
        };
    }

    private static byte[] ReadFile(string file)
    {
        try
        {
            var info = new FileInfo(file);
            return !info.Exists ? throw new UserErrorException(Directory.Exists(file) ? $"'{file}' is a folder, not a scenario" : $"there is no file '{file}'")
                : info.Length > ScenarioReader.MaximumFileLength ? throw new UserErrorException($"'{file}' is too long for a scenario")
                : System.IO.File.ReadAllBytes(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"'{file}' cannot be read: {error.Message}", ExitCode.BadInput, error);
        }
    }

    private static (int Value, string? Error) ParseLength(string text) =>
        !Quantity.TryParseSize(text, out var bytes) ? (0, $"'{text}' is not a size such as {Quantity.SizeExample}")
        : bytes is < 1 or > Protocol.PieceLayout.MaximumPieceLength ? (0, $"'{text}' is not from 1 byte to 256MiB")
        : ((int)bytes, null);

    private static Option<long?> Sized(string name, string description) => SharedOptions.Parsed<long?>(name, "SIZE", description, text =>
        Quantity.TryParseSize(text, out var size) ? (size, null) : (null, $"'{text}' is not a size such as {Quantity.SizeExample}"));

    private static Option<long?> Rate(string name, string description) => SharedOptions.Parsed<long?>(name, "RATE", description, text =>
        Quantity.TryParseRate(text, out var rate) ? (rate, null) : (null, $"'{text}' is not a rate such as {Quantity.RateExample}"));

    private static Option<TimeSpan?> Time(string name, string description) => SharedOptions.Parsed<TimeSpan?>(name, "TIME", description, text =>
        Quantity.TryParseTime(text, out var time) ? (time, null) : (null, $"'{text}' is not a time such as {Quantity.TimeExample}"));

    private static Option<IReadOnlyList<T>?> Listed<T>(string name, string valueName, string description, Func<string, (T Value, string? Error)> parse) =>
        SharedOptions.Parsed<IReadOnlyList<T>>(name, valueName, description, text =>
        {
            var read = text.Split(',').Select(part => parse(part.Trim())).ToList();
            return read.FirstOrDefault(one => one.Error is not null).Error is { } error ? (null, error)
                : read.DistinctBy(one => one.Value).Count() < read.Count ? (null, $"'{text}' has one of them twice")
                : ([.. read.Select(one => one.Value)], null);
        });
}
