using System.Buffers.Binary;
using System.Security.Cryptography;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// The pieces that a peer may ask for although choked, so that a newcomer has something to trade (BEP 6): a function of
/// its /24 network and the info-hash, so reconnecting gains nothing.
/// </summary>
internal static class AllowedFastSet
{
    /// <summary>How many pieces are granted, as the BEP suggests.</summary>
    public const int Count = 10;

    /// <summary>Adds the set to <paramref name="destination"/>: at most <paramref name="count"/> pieces, all of them if there are fewer.</summary>
    public static void Compute(InfoHash infoHash, PeerAddress address, int pieceCount, int count, ICollection<PieceIndex> destination)
    {
        if (address.Kind != PeerAddressKind.IPv4 || pieceCount == 0)
        {
            return; // the BEP defines it for IPv4 alone
        }

        Span<byte> seed = stackalloc byte[4 + InfoHash.Length];
        Span<byte> digest = stackalloc byte[SHA1.HashSizeInBytes];
        address.WriteAddress(seed);
        seed[3] = 0;
        infoHash.WriteTo(seed[4..]);
        SHA1.HashData(seed, digest);
        var wanted = Math.Min(count, pieceCount);
        while (true)
        {
            for (var i = 0; i < digest.Length; i += 4)
            {
                var piece = new PieceIndex((int)(BinaryPrimitives.ReadUInt32BigEndian(digest[i..]) % (uint)pieceCount));
                if (!destination.Contains(piece))
                {
                    destination.Add(piece);
                }

                if (destination.Count >= wanted)
                {
                    return;
                }
            }

            SHA1.HashData(digest, digest);
        }
    }
}
