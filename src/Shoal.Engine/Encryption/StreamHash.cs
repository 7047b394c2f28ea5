using System.Security.Cryptography;
using System.Text;

namespace Shoal.Engine.Encryption;

/// <summary>The hashes of message stream encryption: SHA-1 of a name of four letters and of what is to be hashed.</summary>
internal static class StreamHash
{
#pragma warning disable CA5350 // The protocol says SHA-1.
    public static byte[] Of(string name, ReadOnlySpan<byte> bytes) => SHA1.HashData([.. Encoding.ASCII.GetBytes(name), .. bytes]);
#pragma warning restore CA5350

    /// <summary>Hides bytes under a hash, or shows them again.</summary>
    public static void Mix(Span<byte> bytes, ReadOnlySpan<byte> hash)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= hash[i];
        }
    }
}
