using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Shoal.Protocol;

namespace Shoal.Engine.Jobs;

/// <summary>A file of a job, as those who own it and those who want it must agree on. A segment is a piece of its swarm.</summary>
/// <param name="Name">Its name, which identifies it in the job.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="SegmentLength">Bytes of each segment but the last; at least 1, even if there is none.</param>
/// <param name="Hashes">The SHA-1 of each segment, 20 bytes each, in order.</param>
public sealed record JobFile(string Name, long Length, int SegmentLength, ReadOnlyMemory<byte> Hashes)
{
    /// <summary>How it is cut: a block is a whole segment.</summary>
    public PieceLayout Layout => new(Length, SegmentLength, SegmentLength);

    /// <summary>How many segments it has.</summary>
    public int SegmentCount => Hashes.Length / PieceHash.Sha1Length;

    /// <summary>The name of its swarm: the SHA-1 of its name, its lengths and its segments' hashes.</summary>
    public InfoHash InfoHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        Span<byte> lengths = stackalloc byte[12];
        BinaryPrimitives.WriteInt64BigEndian(lengths, Length);
        BinaryPrimitives.WriteInt32BigEndian(lengths[8..], SegmentLength);
        hash.AppendData(lengths);
        hash.AppendData(Hashes.Span);
        hash.AppendData(Encoding.UTF8.GetBytes(Name));
        return new InfoHash(hash.GetHashAndReset());
    }

    /// <summary>The content for its swarm, of which these segments lie in place.</summary>
    public ContentState Content(Bitfield have) => new(Layout, Hashes, have);

    /// <summary>Whether both are the same in everything.</summary>
    public bool Equals(JobFile? other) =>
        other is not null && Name == other.Name && Length == other.Length && SegmentLength == other.SegmentLength &&
        Hashes.Span.SequenceEqual(other.Hashes.Span);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Length, SegmentLength);
}
