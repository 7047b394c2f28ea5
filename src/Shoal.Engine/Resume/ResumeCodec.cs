using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Shoal.Protocol;

namespace Shoal.Engine.Resume;

/// <summary>
/// The bytes of <see cref="ResumeData"/>: a magic word with the version, little-endian fields, and the SHA-1 of all that
/// before them, so that a torn, foreign or rotten record is told from a whole one. Any defect makes a record unusable;
/// the content is then checked anew.
/// </summary>
public static class ResumeCodec
{
    private const int HashLength = SHA1.HashSizeInBytes;
    private const int FileFactsLength = 16;

    private static ReadOnlySpan<byte> Magic => "shoal resume 1\n"u8;

    /// <summary>Writes the record.</summary>
    public static byte[] Encode(ResumeData data)
    {
        var output = new ArrayBufferWriter<byte>(256 + data.Layout.BitfieldLength + (data.Files.Count * FileFactsLength));
        output.Write(Magic);
        data.InfoHash.WriteTo(output.GetSpan(InfoHash.Length));
        output.Advance(InfoHash.Length);
        WriteInt64(output, data.Layout.TotalLength);
        WriteInt32(output, data.Layout.PieceLength);
        WriteInt32(output, data.Layout.BlockLength);
        WriteInt32(output, data.IsClean ? 1 : 0);
        WriteInt64(output, data.UploadedBytes);
        WriteInt64(output, data.DownloadedBytes);
        output.Write(data.Have.Bytes);
        WriteInt32(output, data.Files.Count);
        foreach (var file in data.Files)
        {
            WriteInt64(output, file.Length);
            WriteInt64(output, file.ModifiedNanoseconds);
        }

        WriteInt32(output, data.Partial.Count);
        foreach (var (piece, blocks) in data.Partial.OrderBy(entry => entry.Key))
        {
            WriteInt32(output, piece.Value);
            output.Write(blocks.Bytes);
        }

        Span<byte> hash = stackalloc byte[HashLength];
        Hash(output.WrittenSpan, hash);
        output.Write(hash);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Reads a record; where it is of no use, one line tells why.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ResumeData? data, out string reason)
    {
        data = null;
        if (bytes.Length < Magic.Length + HashLength || !bytes.StartsWith(Magic))
        {
            reason = "it does not begin with 'shoal resume 1'";
            return false;
        }

        Span<byte> hash = stackalloc byte[HashLength];
        Hash(bytes[..^HashLength], hash);
        if (!bytes[^HashLength..].SequenceEqual(hash))
        {
            reason = "its checksum is wrong";
            return false;
        }

        // The checksum is no signature: the lengths in it still say nothing until they are looked at.
        var reader = new Reader(bytes[Magic.Length..^HashLength]);
        data = reader.ReadRecord();
        reason = data is null ? "its fields do not fit together" : "";
        return data is not null;
    }

    private static void Hash(ReadOnlySpan<byte> bytes, Span<byte> hash)
    {
#pragma warning disable CA5350 // A checksum against accidents.
        SHA1.HashData(bytes, hash);
#pragma warning restore CA5350
    }

    private static void WriteInt32(ArrayBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), value);
        output.Advance(4);
    }

    private static void WriteInt64(ArrayBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;
        private bool _failed;

        public ResumeData? ReadRecord()
        {
            var infoHash = Take(InfoHash.Length);
            if (_failed || ReadLayout(new InfoHash(infoHash)) is not { } start)
            {
                return null;
            }

            var clean = ReadInt32();
            var uploaded = ReadInt64();
            var downloaded = ReadInt64();
            var have = Bitfield.TryRead(Take(start.Layout.BitfieldLength), start.Layout.PieceCount);
            var files = ReadFiles();
            var partial = ReadPartial(start.Layout);
            return _failed || have is null || !_rest.IsEmpty || clean is not (0 or 1) ? null : new ResumeData
            {
                InfoHash = start.InfoHash,
                Layout = start.Layout,
                IsClean = clean == 1,
                UploadedBytes = uploaded,
                DownloadedBytes = downloaded,
                Have = have,
                Files = files,
                Partial = partial,
            };
        }

        private (InfoHash InfoHash, PieceLayout Layout)? ReadLayout(InfoHash infoHash)
        {
            var total = ReadInt64();
            var pieceLength = ReadInt32();
            var blockLength = ReadInt32();
            if (_failed || total < 0 || blockLength <= 0 || pieceLength is <= 0 or > PieceLayout.MaximumPieceLength ||
                total / pieceLength >= PieceLayout.MaximumPieceCount)
            {
                return null;
            }

            return (infoHash, new PieceLayout(total, pieceLength, blockLength));
        }

        private FileFacts[] ReadFiles()
        {
            var count = ReadInt32();
            if (count < 0 || count > _rest.Length / FileFactsLength)
            {
                _failed = true;
                return [];
            }

            var files = new FileFacts[count];
            for (var i = 0; i < count; i++)
            {
                files[i] = new FileFacts(ReadInt64(), ReadInt64());
            }

            return files;
        }

        private Dictionary<PieceIndex, Bitfield> ReadPartial(PieceLayout layout)
        {
            var partial = new Dictionary<PieceIndex, Bitfield>();
            for (var count = ReadInt32(); count > 0 && !_failed; count--)
            {
                var piece = new PieceIndex(ReadInt32());
                if (!layout.Contains(piece))
                {
                    _failed = true;
                    break;
                }

                var blocks = layout.BlockCountOf(piece);
                var bits = Bitfield.TryRead(Take((blocks + 7) / 8), blocks);
                _failed |= bits is null || !partial.TryAdd(piece, bits);
            }

            return partial;
        }

        private ReadOnlySpan<byte> Take(int length)
        {
            if (_failed || length > _rest.Length)
            {
                _failed = true;
                return [];
            }

            var taken = _rest[..length];
            _rest = _rest[length..];
            return taken;
        }

        private int ReadInt32() => Take(4) is { Length: 4 } bytes ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : 0;

        private long ReadInt64() => Take(8) is { Length: 8 } bytes ? BinaryPrimitives.ReadInt64LittleEndian(bytes) : 0;
    }
}
