using System.Security.Cryptography;
using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>
/// The hash of a copy's pieces: GMAC (NIST SP 800-38D, the authentication of AES-GCM) under a key drawn for the job. What threatens
/// the bytes here are disks, memory and networks, and ranks trust each other: so a keyed checksum of 128 bits does what SHA-1
/// would at a quarter of its time. It is worth nothing to anybody after the job. Thread-safe.
/// </summary>
internal sealed class CopyHasher : IDisposable
{
    private const int KeyLength = 16;

    private readonly ThreadLocal<AesGcm> _ciphers;

    /// <param name="job">The job's id, which is random: the key is taken from it.</param>
    public CopyHasher(InfoHash job)
    {
        var key = job.ToArray()[..KeyLength];
        _ciphers = new ThreadLocal<AesGcm>(() => new AesGcm(key, PieceHash.ChecksumLength), trackAllValues: true);
    }

    /// <summary>The piece's hash.</summary>
    public PieceHash Hash(ReadOnlySpan<byte> piece)
    {
        // One nonce for all: what is kept secret by a nonce nobody sees, and equal pieces shall have equal hashes.
        ReadOnlySpan<byte> nonce = stackalloc byte[12];
        Span<byte> tag = stackalloc byte[PieceHash.ChecksumLength];
        _ciphers.Value!.Encrypt(nonce, [], [], tag, piece);
        return new PieceHash(tag);
    }

    public void Dispose()
    {
        foreach (var cipher in _ciphers.Values)
        {
            cipher.Dispose();
        }

        _ciphers.Dispose();
    }
}
