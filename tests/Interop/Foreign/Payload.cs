using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Shoal.Interop.Foreign;

/// <summary>Files whose bytes follow from a seed, and the sha256 of what arrived.</summary>
internal static class Payload
{
    public const int MiB = 1 << 20;

    /// <summary>Writes <paramref name="length"/> bytes drawn from <paramref name="seed"/> (SplitMix64).</summary>
    public static string Write(string path, long length, ulong seed = 1)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        WriteAt(stream, length, seed);
        return path;
    }

    /// <summary>A file of holes, which cost neither disk nor time, with random bytes at each of <paramref name="islands"/>.</summary>
    public static string WriteSparse(string path, long length, params (long Offset, long Length)[] islands)
    {
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        stream.SetLength(length);
        foreach (var island in islands)
        {
            stream.Position = island.Offset;
            WriteAt(stream, island.Length, (ulong)island.Offset);
        }

        return path;
    }

    /// <summary>A folder as people have them: nested, empty and odd-named files; <paramref name="length"/> bytes in the largest.</summary>
    public static string WriteFolder(string path, long length)
    {
        Write(Path.Combine(path, "big.bin"), length, seed: 2);
        Write(Path.Combine(path, "a b  c.txt"), 12_345, seed: 3);
        Write(Path.Combine(path, "ünïcödé 漢字 🐟.bin"), 300_001, seed: 4);
        Write(Path.Combine(path, ".hidden"), 7, seed: 5);
        Write(Path.Combine(path, "quote's & 100% [x] #1 +~.bin"), 1, seed: 6);
        Write(Path.Combine(path, "nested", "deep", "er", "file"), 262_144, seed: 7);
        Write(Path.Combine(path, "nested", "deep", "other file.tar.gz"), 262_145, seed: 8);
        Write(Path.Combine(path, "nested", "empty"), 0);
        Write(Path.Combine(path, "zz empty at the end"), 0);
        return path;
    }

    /// <summary>Each file's path under <paramref name="root"/> (or the file itself) with its length and sha256.</summary>
    public static SortedDictionary<string, string> Digest(string root, bool withEmptyFiles = true)
    {
        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var files = Directory.Exists(root) ? Directory.GetFiles(root, "*", SearchOption.AllDirectories) : [root];
        foreach (var file in files)
        {
            var length = new FileInfo(file).Length;
            if (length > 0 || withEmptyFiles)
            {
                using var stream = File.OpenRead(file);
                var name = Path.GetRelativePath(Path.GetDirectoryName(root)!, file);
                digests[name] = $"{length} B, sha256 {Convert.ToHexStringLower(SHA256.HashData(stream))}";
            }
        }

        return digests;
    }

    private static void WriteAt(FileStream stream, long length, ulong state)
    {
        var words = new ulong[128 * 1024];
        for (var left = length; left > 0;)
        {
            foreach (ref var word in words.AsSpan())
            {
                state += 0x9E3779B97F4A7C15;
                var mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
                mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
                word = mixed ^ (mixed >> 31);
            }

            var bytes = MemoryMarshal.AsBytes(words.AsSpan());
            bytes = bytes[..(int)Math.Min(left, bytes.Length)];
            stream.Write(bytes);
            left -= bytes.Length;
        }
    }
}
