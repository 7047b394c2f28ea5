using System.Security.Cryptography;
using System.Text;

namespace Shoal.Mpi.Jobs.Files;

/// <summary>
/// The hashes of a file's segments, in order, as text: one behind the other in records of equal width, filled up with
/// spaces, which no hash contains. Invariant: <see cref="Records"/> is <see cref="Count"/> times <see cref="Width"/>
/// bytes. Immutable.
/// </summary>
public sealed class SegmentHashes : IEquatable<SegmentHashes>
{
    /// <summary>No hash.</summary>
    public static readonly SegmentHashes None = new(0, 0, []);

    private const byte Fill = (byte)' ';
    private const int Sha1Width = 2 * SHA1.HashSizeInBytes;

    private SegmentHashes(int count, int width, byte[] records)
    {
        Count = count;
        Width = width;
        Records = records;
    }

    /// <summary>How many.</summary>
    public int Count { get; }

    /// <summary>Bytes of the longest; 0 if there is none.</summary>
    public int Width { get; }

    /// <summary>All of them, filled up.</summary>
    public ReadOnlyMemory<byte> Records { get; }

    /// <summary>From the texts in order.</summary>
    public static SegmentHashes From(IReadOnlyList<ReadOnlyMemory<byte>> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var width = texts.Count == 0 ? 0 : texts.Max(text => text.Length);
        var records = new byte[checked(texts.Count * width)];
        records.AsSpan().Fill(Fill);
        for (var i = 0; i < texts.Count; i++)
        {
            texts[i].Span.CopyTo(records.AsSpan(i * width));
        }

        return new SegmentHashes(texts.Count, width, records);
    }

    /// <summary>From SHA-1s of 20 bytes each, one behind the other, as lines have them: in hexadecimal.</summary>
    public static SegmentHashes FromSha1(ReadOnlySpan<byte> hashes)
    {
        return hashes.IsEmpty ? None : new SegmentHashes(hashes.Length / SHA1.HashSizeInBytes, Sha1Width, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hashes)));
    }

    /// <summary>One hash as it is compared: filled up to the width of all.</summary>
    public ReadOnlySpan<byte> RecordAt(int segment) => Records.Span.Slice(segment * Width, Width);

    /// <summary>One hash as it was written.</summary>
    public static ReadOnlySpan<byte> TextOf(ReadOnlySpan<byte> record) => record.TrimEnd(Fill);

    /// <summary>As 20 bytes each; false, with the first that is none, if they are not all SHA-1s in hexadecimal.</summary>
    public bool TryToSha1(out byte[] hashes, out int wrong)
    {
        hashes = new byte[Count * SHA1.HashSizeInBytes];
        for (wrong = 0; wrong < Count; wrong++)
        {
            var text = TextOf(RecordAt(wrong));
            var place = hashes.AsSpan(wrong * SHA1.HashSizeInBytes, SHA1.HashSizeInBytes);
            if (text.Length != Sha1Width ||
                Convert.FromHexString(Encoding.ASCII.GetString(text), place, out _, out _) != System.Buffers.OperationStatus.Done)
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Equals(SegmentHashes? other) =>
        other is not null && Count == other.Count && Width == other.Width && Records.Span.SequenceEqual(other.Records.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SegmentHashes);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Count, Width);
}
