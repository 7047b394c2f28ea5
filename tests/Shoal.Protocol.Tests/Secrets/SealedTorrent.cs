using System.Security.Cryptography;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Protocol.Tests.Secrets;

/// <summary>A secret share in memory, made step by step as the format says.</summary>
internal sealed record SealedTorrent(Metainfo Metainfo, IReadOnlyList<byte[]> Pieces)
{
    public static readonly SecretKey Key = new([.. Enumerable.Range(0, SecretKey.Length).Select(value => (byte)value)]);

    public static SealedTorrent Make(SecretHeader header, PieceLayout layout, ReadOnlySpan<byte> content, SecretKey? key = null)
    {
        key ??= Key;
        var plain = new byte[SealedLayout.PlainOf(layout)!.TotalLength];
        content.CopyTo(plain);
        using var sealer = new PieceSealer(key, layout);
        var pieces = new byte[layout.PieceCount][];
        for (var i = 0; i < pieces.Length; i++)
        {
            pieces[i] = new byte[layout.LengthOf(new PieceIndex(i))];
            plain.AsSpan(i * (layout.PieceLength - SealedLayout.TagLength), pieces[i].Length - SealedLayout.TagLength).CopyTo(pieces[i]);
            sealer.Seal(new PieceIndex(i), pieces[i]);
        }

        return new SealedTorrent(Build(layout, SecretShare.SealHeader(header, key, layout)!, pieces), pieces);
    }

    public static Metainfo Build(PieceLayout layout, ReadOnlyMemory<byte> sealedHeader, IEnumerable<byte[]> pieces)
    {
        var builder = new MetainfoBuilder
        {
            Name = "sealed-00000000",
            IsFolder = false,
            Files = [new NewFile("", layout.TotalLength)],
            PieceLength = layout.PieceLength,
            PieceHashes = pieces.SelectMany(SHA1.HashData).ToArray(),
            SealedHeader = sealedHeader,
        };
        Assert.True(builder.TryBuild(out var metainfo, out var error), error);
        return metainfo;
    }
}
