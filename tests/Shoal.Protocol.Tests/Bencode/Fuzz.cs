using System.Text;

namespace Shoal.Protocol.Tests.Bencode;

/// <summary>Damage to bytes, the same on every run: each seed is one case, and its number says which failed.</summary>
internal static class Fuzz
{
    /// <summary>Bytes that are mostly the letters of bencode, so that they get far into a decoder.</summary>
    public static byte[] Noise(int seed)
    {
        var random = new Random(seed);
        var bytes = new byte[random.Next(60)];
        random.NextBytes(bytes);
        for (var i = 0; i < bytes.Length; i++)
        {
            if (random.Next(10) > 0)
            {
                bytes[i] = (byte)"dlie:0123-e"[random.Next(11)];
            }
        }

        return bytes;
    }

    /// <summary>A few bits flipped, bytes replaced, inserted, removed or repeated.</summary>
    public static byte[] Damage(byte[] original, int seed)
    {
        var random = new Random(seed);
        var bytes = original.ToList();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = Encoding.ASCII.GetBytes("dlie:019-")[random.Next(9)];
                    break;
                case 2:
                    bytes.Insert(at, Encoding.ASCII.GetBytes("dlie:019-")[random.Next(9)]);
                    break;
                case 3 when bytes.Count > 1:
                    bytes.RemoveAt(at);
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)));
                    break;
            }
        }

        return [.. bytes];
    }
}
