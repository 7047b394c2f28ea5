using System.Text;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Protocol.Tests.Secrets;

/// <summary>The test vectors of docs/secret-shares.md, which another implementation made.</summary>
public sealed class VectorTests
{
    private static readonly Dictionary<string, string> Vectors = Read();

    private static readonly PieceLayout Layout = new(long.Parse(Vectors["C"]), int.Parse(Vectors["P"]));

    private static readonly SecretKey Key = new(Bytes("key"));

    [Fact]
    public void The_key_is_written_as_the_vectors_say_and_keys_derive_from_it()
    {
        Assert.Equal(Vectors["key in the link"], Key.Reveal());
        Assert.Equal(Vectors["Kh"], Convert.ToHexStringLower(Key.Derive("shoal secret 1 header"u8)));
        Assert.Equal(Vectors["Kp"], Convert.ToHexStringLower(Key.Derive("shoal secret 1 pieces"u8)));
        Assert.Equal(Vectors["A"], Convert.ToHexStringLower(PieceSealer.Associated(Layout)));
    }

    [Fact]
    public void Pieces_are_sealed_to_the_vectors_and_opened_again()
    {
        using var sealer = new PieceSealer(Key, Layout);
        var plain = Bytes("plaintext");
        for (var i = 0; i < Layout.PieceCount; i++)
        {
            var part = plain.AsSpan(i * (Layout.PieceLength - 16), Layout.LengthOf(new PieceIndex(i)) - 16).ToArray();
            byte[] piece = [.. part, .. new byte[16]];
            sealer.Seal(new PieceIndex(i), piece);
            Assert.Equal(Vectors[$"piece {i}"], Convert.ToHexStringLower(piece));
            var opened = new byte[part.Length];
            Assert.True(sealer.TryOpen(new PieceIndex(i), piece, opened));
            Assert.Equal(part, opened);
        }
    }

    [Fact]
    public void The_torrent_of_the_vectors_is_made_and_opened()
    {
        byte[][] pieces = [.. Enumerable.Range(0, Layout.PieceCount).Select(i => Bytes($"piece {i}"))];
        var metainfo = SealedTorrent.Build(Layout, Bytes("sealed"), pieces);
        Assert.Equal(Vectors["info-hash"], metainfo.InfoHash.ToString());

        Assert.True(SecretShare.TryOpen(metainfo, Key, out var share, out var error), error);
        Assert.Equal("play", share.Content.Name);
        Assert.True(share.Content.IsFolder);
        Assert.Equal(
            [
                new ContentFile("a.txt", 28, 0), new ContentFile("sub/b", 18, 28, ContentAttributes.Executable),
                new ContentFile(".pad", 54, 46, ContentAttributes.Padding),
            ],
            share.Content.Files);
        Assert.Equal("All is well that ends well.\n", Encoding.ASCII.GetString(Bytes("plaintext").AsSpan(0, 28)));
    }

    private static byte[] Bytes(string name) => Convert.FromHexString(Vectors[name]);

    // "    name = value" behind the heading.
    private static Dictionary<string, string> Read()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "docs", "secret-shares.md")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return File.ReadLines(Path.Combine(folder, "docs", "secret-shares.md"))
            .SkipWhile(line => line != "## Test vectors")
            .Where(line => line.StartsWith("    ", StringComparison.Ordinal))
            .Select(line => line.Trim().Split(" = "))
            .ToDictionary(parts => parts[0], parts => parts[1]);
    }
}
