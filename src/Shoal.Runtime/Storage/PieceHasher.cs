using System.Security.Cryptography;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>Hashes a piece that lies in memory (BEP 3: SHA-1). Thread-safe, allocates nothing.</summary>
public static class PieceHasher
{
    /// <summary>The SHA-1 of the bytes.</summary>
    public static PieceHash Hash(ReadOnlySpan<byte> piece)
    {
        Span<byte> hash = stackalloc byte[PieceHash.Sha1Length];
#pragma warning disable CA5350 // The protocol says SHA-1.
        SHA1.HashData(piece, hash);
#pragma warning restore CA5350
        return new PieceHash(hash);
    }
}
