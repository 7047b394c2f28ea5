using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Runtime.Tests.Storage;

/// <summary>A folder of a test's own, gone afterwards.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("shoal-storage-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

internal static class Content
{
    public static List<ContentFile> Files(params (string Path, long Length)[] files) =>
        Files([.. files.Select(file => (file.Path, file.Length, ContentAttributes.None))]);

    public static List<ContentFile> Files((string Path, long Length, ContentAttributes Attributes)[] files)
    {
        var list = new List<ContentFile>();
        var offset = 0L;
        foreach (var (path, length, attributes) in files)
        {
            list.Add(new ContentFile(path, length, offset, attributes));
            offset += length;
        }

        return list;
    }

    public static PieceLayout Layout(IReadOnlyList<ContentFile> files, int pieceLength, int blockLength = 16) =>
        new(files.Sum(file => file.Length), pieceLength, blockLength);

    public static byte[] Bytes(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static byte[] Hashes(PieceLayout layout, ReadOnlySpan<byte> content)
    {
        var hashes = new byte[layout.PieceCount * 20];
        for (var i = 0; i < layout.PieceCount; i++)
        {
            var piece = new PieceIndex(i);
            System.Security.Cryptography.SHA1.HashData(
                content.Slice((int)layout.OffsetOf(piece), layout.LengthOf(piece)), hashes.AsSpan(i * 20, 20));
        }

        return hashes;
    }
}
