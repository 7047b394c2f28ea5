using Shoal.Engine;

namespace Shoal.Simulation.Fuzzing;

/// <summary>What a network does to datagrams until a certain time; from then on it only takes its time.</summary>
internal sealed record Weather
{
    /// <summary>Of a thousand, those that are lost.</summary>
    public int LostPerThousand { get; init; }

    /// <summary>Of a thousand, those that come twice.</summary>
    public int DoubledPerThousand { get; init; }

    /// <summary>Of a thousand, those that come otherwise than they were sent.</summary>
    public int MangledPerThousand { get; init; }

    /// <summary>How late one may be, by chance, so that they overtake each other.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>When it is over.</summary>
    public TimeSpan Until { get; init; }

    /// <summary>Any weather that ends then.</summary>
    public static Weather Draw(Prng prng, TimeSpan until) => new()
    {
        LostPerThousand = prng.Next(2) == 0 ? prng.Next(300) : 0,
        DoubledPerThousand = prng.Next(2) == 0 ? prng.Next(200) : 0,
        MangledPerThousand = prng.Next(2) == 0 ? prng.Next(100) : 0,
        Jitter = TimeSpan.FromMilliseconds(prng.Next(2) == 0 ? prng.Next(4000) : 0),
        Until = until,
    };

    /// <summary>Fair weather first, then one kind after the other left out.</summary>
    public IEnumerable<Weather> Milder()
    {
        Weather[] milder =
        [
            new Weather { Until = Until },
            this with { LostPerThousand = 0 },
            this with { DoubledPerThousand = 0 },
            this with { MangledPerThousand = 0 },
            this with { Jitter = TimeSpan.Zero },
        ];
        return milder.Where(other => other != this).Distinct();
    }

    /// <summary>Half as long; the same if that is next to nothing.</summary>
    public Weather Shorter() => Until < TimeSpan.FromSeconds(10) ? this : this with { Until = Until / 2 };

    /// <summary>Has a datagram arrive: once, not at all, twice, late, or otherwise than it was.</summary>
    public void Carry(Agenda agenda, Prng prng, TimeSpan latency, byte[] packet, Action<byte[]> arrive)
    {
        var isOver = agenda.Now >= Instant.Zero + Until;
        var copies = isOver ? 1 : prng.Next(1000) < LostPerThousand ? 0 : prng.Next(1000) < DoubledPerThousand ? 2 : 1;
        for (; copies > 0; copies--)
        {
            var late = isOver || Jitter == TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromTicks((long)(prng.NextUInt64() % (ulong)Jitter.Ticks));
            var bytes = !isOver && prng.Next(1000) < MangledPerThousand ? Mangle.Any(packet, prng) : packet;
            agenda.After(latency + late, () => arrive(bytes));
        }
    }
}
