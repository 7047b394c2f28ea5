using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Protocol.Tests.Secrets;

public sealed class SecretShareTests
{
    private static readonly SecretHeader Header = new("a name", true, [new ContentFile("x", 100, 0), new ContentFile("d/y", 50, 100, ContentAttributes.Executable)]);

    private static readonly PieceLayout Layout = new(200 + (16 * 5), 56); // five pieces of 40 bytes of text

    [Fact]
    public void Any_files_that_were_sealed_are_opened_again()
    {
        var files =
            from isFolder in Gen.Elements(true, false)
            from lengths in Gen.Choose(0, 300).ListOf(isFolder ? 4 : 1)
            from pieceLength in Gen.Choose(17, 200)
            from padding in Gen.Choose(1, 100)
            select (IsFolder: isFolder, Lengths: lengths, PieceLength: pieceLength, Padding: padding);
        Prop.ForAll(files.ToArbitrary(), one =>
        {
            var offset = 0L;
            List<ContentFile> list = [];
            foreach (var length in one.Lengths)
            {
                list.Add(new ContentFile(one.IsFolder ? $"d{list.Count % 2}/f{list.Count}" : "a file", length, offset));
                offset += length;
            }

            var plain = offset + one.Padding;
            var layout = new PieceLayout(plain + (16 * ((plain + one.PieceLength - 17) / (one.PieceLength - 16))), one.PieceLength);
            var content = new byte[offset];
            new Random((int)offset).NextBytes(content);
            var torrent = SealedTorrent.Make(new SecretHeader(one.IsFolder ? "folder" : "a file", one.IsFolder, list), layout, content);

            Assert.True(SecretShare.TryOpen(torrent.Metainfo, SealedTorrent.Key, out var share, out var error), error);
            Assert.Equal(list, share.Content.Files.Where(file => !file.IsPadding));
            Assert.Equal(offset, share.Content.StoredLength);
            Assert.Equal(plain, share.Content.TotalLength);
            using var sealer = new PieceSealer(SealedTorrent.Key, layout);
            var opened = new byte[plain];
            for (var i = 0; i < layout.PieceCount; i++)
            {
                Assert.True(sealer.TryOpen(new PieceIndex(i), torrent.Pieces[i], opened.AsSpan(i * (one.PieceLength - 16), torrent.Pieces[i].Length - 16)));
            }

            Assert.Equal(content, opened[..content.Length]);
            Assert.DoesNotContain(opened[content.Length..], value => value != 0);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_piece_that_was_changed_cut_or_moved_is_not_opened()
    {
        var torrent = SealedTorrent.Make(Header, Layout, new byte[150]);
        using var sealer = new PieceSealer(SealedTorrent.Key, Layout);
        var piece = torrent.Pieces[1];
        for (var bit = 0; bit < 8 * piece.Length; bit++)
        {
            byte[] changed = [.. piece];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(sealer.TryOpen(new PieceIndex(1), changed, new byte[piece.Length - 16]));
        }

        for (var length = 16; length < piece.Length; length++)
        {
            Assert.False(sealer.TryOpen(new PieceIndex(1), piece.AsSpan(0, length), new byte[length - 16]));
        }

        // Equal plaintexts are different pieces, and none is another's.
        Assert.NotEqual(torrent.Pieces[1], torrent.Pieces[2]);
        Assert.False(sealer.TryOpen(new PieceIndex(2), piece, new byte[piece.Length - 16]));
        foreach (var other in (PieceLayout[])[new(Layout.TotalLength - 1, 56), new(Layout.TotalLength, 57)])
        {
            using var elsewhere = new PieceSealer(SealedTorrent.Key, other);
            Assert.False(elsewhere.TryOpen(new PieceIndex(1), piece, new byte[piece.Length - 16]));
        }
    }

    [Fact]
    public void A_header_that_was_changed_cut_or_put_into_another_torrent_is_not_opened()
    {
        var torrent = SealedTorrent.Make(Header, Layout, new byte[150]);
        var header = torrent.Metainfo.SealedHeader.ToArray();
        for (var bit = 8; bit < 8 * header.Length; bit += 7)
        {
            byte[] changed = [.. header];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal("the link's key does not open it", Refuse(SealedTorrent.Build(Layout, changed, torrent.Pieces)));
        }

        for (var length = 1; length < header.Length; length++)
        {
            var error = Refuse(SealedTorrent.Build(Layout, header.AsMemory(0, length), torrent.Pieces));
            Assert.Equal(length <= 17 ? "it is no well-formed secret share" : "the link's key does not open it", error);
        }

        var other = new PieceLayout(Layout.TotalLength - 1, 56);
        Assert.Equal("the link's key does not open it", Refuse(SealedTorrent.Build(other, header, torrent.Pieces)));
        Assert.Equal("the link's key does not open it", Refuse(torrent.Metainfo, new SecretKey(new byte[32])));
        header[0] = 2;
        Assert.Equal("it is sealed by version 2 of the format, which is not known here", Refuse(SealedTorrent.Build(Layout, header, torrent.Pieces)));
        Assert.Equal("it is no secret share, and the link has a key", Refuse(SealedTorrent.Build(Layout, default, torrent.Pieces)));
    }

    [Theory]
    [InlineData(100, 100, 1)] // the last piece would have no text
    [InlineData(116, 100, 2)]
    [InlineData(16, 16, 1)]
    [InlineData(0, 100, 0)]
    public void A_torrent_that_cannot_be_sealed_so_is_refused(int length, int pieceLength, int pieceCount)
    {
        var layout = new PieceLayout(length, pieceLength);
        var isPossible = length == 100;
        Assert.Equal(pieceCount, layout.PieceCount);
        Assert.Equal(isPossible, SealedLayout.PlainOf(layout) is not null);
        var metainfo = SealedTorrent.Build(layout, SecretShare.SealHeader(Header, SealedTorrent.Key, layout)!, Enumerable.Repeat(new byte[1], pieceCount));
        Assert.Equal(
            isPossible ? "its files are longer than what is sealed (150 bytes of 84)" : "it is no well-formed secret share", Refuse(metainfo));
    }

    [Fact]
    public void Pieces_that_would_take_too_much_memory_are_not_opened()
    {
        Assert.NotNull(SealedLayout.PlainOf(new PieceLayout(1L << 40, 16 << 20)));
        Assert.Null(SealedLayout.PlainOf(new PieceLayout(1L << 40, (16 << 20) + 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => SealedLayout.For(1000, 32 << 20));
        Assert.Throws<ArgumentOutOfRangeException>(() => SealedLayout.For(1000, 16));
    }

    [Theory]
    [InlineData(0, 16_368)]
    [InlineData(1, 16_368)]
    [InlineData(16_368, 16_368)]
    [InlineData(16_369, 16_384)]
    [InlineData(16_385, 17_408)]
    [InlineData(1_000_000, 1_015_808)]
    [InlineData(1L << 40, 1L << 40)]
    [InlineData((1L << 40) + 1, (1L << 40) + (1L << 34))]
    public void Content_is_padded_to_one_of_few_lengths(long length, long expected)
    {
        Assert.Equal(expected, SealedLayout.Pad(length));
        var layout = SealedLayout.For(length)!;
        Assert.Equal(expected, SealedLayout.PlainOf(layout)!.TotalLength);
        Assert.InRange(layout.PieceCount * 20L, 20, 12L << 20);
    }

    [Fact]
    public void Lengths_that_are_not_told_apart_are_many()
    {
        Assert.InRange(Enumerable.Range(0, 1_000_000).Select(length => SealedLayout.Pad(length)).Distinct().Count(), 1, 200);
        for (var length = 1L; length < 1L << 50; length = (length * 3) + 1)
        {
            Assert.InRange(SealedLayout.Pad(length), length, Math.Max(16_368, length + (length * 12 / 100)));
        }
    }

    private static string Refuse(Metainfo metainfo, SecretKey? key = null)
    {
        Assert.False(SecretShare.TryOpen(metainfo, key ?? SealedTorrent.Key, out var share, out var error));
        Assert.Null(share);
        return error;
    }
}
