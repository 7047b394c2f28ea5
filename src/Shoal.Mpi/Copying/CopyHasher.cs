using System.Collections.Concurrent;
using System.Security.Cryptography;
using Shoal.Protocol;

namespace Shoal.Mpi.Copying;

/// <summary>
/// The hash of a copy's pieces: GMAC (NIST SP 800-38D, the authentication of AES-GCM) under a key drawn for the job. What threatens
/// the bytes here are disks, memory and networks, and ranks trust each other: so a keyed checksum of 128 bits does what SHA-1
/// would, in a third of its time where the processor knows AES. It is worth nothing to anybody after the job. Thread-safe, even
/// beyond its disposal, since a job that fails does not wait for threads whose disk hangs.
/// </summary>
internal sealed class CopyHasher : IDisposable
{
    private const int KeyLength = 16;

    private readonly byte[] _key;
    private readonly ConcurrentBag<AesGcm> _ciphers = []; // as many as ever hashed at once

    /// <param name="job">The job's id, which is random: the key is taken from it.</param>
    public CopyHasher(InfoHash job) => _key = job.ToArray()[..KeyLength];

    /// <summary>The piece's hash.</summary>
    public PieceHash Hash(ReadOnlySpan<byte> piece)
    {
        // One nonce for all: what is kept secret by a nonce nobody sees, and equal pieces shall have equal hashes.
        ReadOnlySpan<byte> nonce = stackalloc byte[12];
        Span<byte> tag = stackalloc byte[PieceHash.ChecksumLength];
        if (!_ciphers.TryTake(out var cipher))
        {
            cipher = new AesGcm(_key, PieceHash.ChecksumLength);
        }

        cipher.Encrypt(nonce, [], [], tag, piece);
        _ciphers.Add(cipher);
        return new PieceHash(tag);
    }

    public void Dispose()
    {
        while (_ciphers.TryTake(out var cipher))
        {
            cipher.Dispose();
        }
    }
}
