using Shoal.Simulation.Scenarios;

namespace Calibration;

/// <summary>Hosts of one kind: how many, and their line's rates in Mbit/s, headers included.</summary>
internal sealed record Hosts(string Name, int Count, int Up, int Down)
{
    public bool IsSeeder => Name.StartsWith("seed", StringComparison.Ordinal);
}

/// <summary>One crowd in two forms: the arguments of the script <c>lan</c>, and a scenario.</summary>
internal sealed record Crowd(params Hosts[] Kinds)
{
    public const int ContentLength = 64 * 1024 * 1024;

    private const int PieceLength = 64 * 1024;
    private const long BytesPerMegabit = 125_000;

    // The shapers hold 50 ms, and whatever a host says waits behind what it uploads. The wires themselves take no time.
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(25);

    public string ForLan => string.Join(' ', Kinds.SelectMany(
        kind => Enumerable.Range(1, kind.Count).Select(i => $"{kind.Name}{i}:{kind.Up}mbit:{kind.Down}mbit")));

    public Scenario ToScenario(ulong seed) => new()
    {
        Seed = seed,
        ContentLength = ContentLength,
        PieceLength = PieceLength,
        Classes = [.. Kinds.Select(kind => new PeerClass
        {
            Name = kind.Name,
            IsSeeder = kind.IsSeeder,
            Count = kind.Count,
            UpBytesPerSecond = kind.Up * BytesPerMegabit,
            DownBytesPerSecond = kind.Down * BytesPerMegabit,
            Latency = Latency,
            JoinAt = kind.IsSeeder ? TimeSpan.Zero : TimeSpan.FromSeconds(1),
        })],
    };
}
