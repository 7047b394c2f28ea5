using Shoal.Engine;
using Shoal.Simulation.Faults;

namespace Shoal.Simulation.Fuzzing;

/// <summary>Does to bytes what strangers and bad lines do.</summary>
internal static class Mangle
{
    /// <summary>Longer than any datagram is read.</summary>
    private const int MostPadding = 4000;

    private const int MostNoise = 600;

    // What the formats are made of that are read here, so that damage gets far into a decoder.
    private static ReadOnlySpan<byte> Letters => "dlie:0129-<>/&;\r\n\0"u8;

    /// <summary>A copy that is damaged, cut, too long, or nothing of the kind.</summary>
    public static byte[] Any(ReadOnlySpan<byte> bytes, Prng prng) => prng.Next(8) switch
    {
        0 => bytes[..prng.Next(bytes.Length + 1)].ToArray(),
        1 => [.. bytes, .. Noise(1 + prng.Next(MostPadding), prng)],
        2 => Noise(prng.Next(MostNoise), prng),
        _ => Damage(bytes, prng),
    };

    /// <summary>A copy in which a few bits, bytes or stretches are otherwise.</summary>
    public static byte[] Damage(ReadOnlySpan<byte> bytes, Prng prng)
    {
        List<byte> damaged = [.. bytes];
        for (var i = 1 + prng.Next(3); i > 0 && damaged.Count > 0; i--)
        {
            var at = prng.Next(damaged.Count);
            switch (prng.Next(5))
            {
                case 0:
                    damaged[at] ^= (byte)(1 << prng.Next(8));
                    break;
                case 1:
                    damaged[at] = Letters[prng.Next(Letters.Length)];
                    break;
                case 2:
                    damaged.Insert(at, Letters[prng.Next(Letters.Length)]);
                    break;
                case 3:
                    damaged.RemoveAt(at);
                    break;
                default:
                    damaged.InsertRange(at, damaged.GetRange(at, Math.Min(1 + prng.Next(20), damaged.Count - at)));
                    break;
            }
        }

        return [.. damaged];
    }

    /// <summary>Bytes of chance.</summary>
    public static byte[] Noise(int length, Prng prng) => StreamEnd.Bytes(prng, length);
}
