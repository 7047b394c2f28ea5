using FsCheck;
using FsCheck.Fluent;

namespace Shoal.Protocol.Tests.Values;

/// <summary>Against content that is cut up byte by byte.</summary>
public sealed class PieceLayoutTests
{
    private static readonly Arbitrary<(int Total, int Piece, int Block)> Small =
        Gen.Zip(Gen.Zip(Gen.Choose(0, 200), Gen.Choose(1, 50)), Gen.Choose(1, 60))
            .Select(triple => (triple.Item1.Item1, triple.Item1.Item2, triple.Item2)).ToArbitrary();

    [Fact]
    public void Pieces_and_blocks_cover_the_content_once_and_in_order() =>
        Prop.ForAll(Small, size =>
        {
            var layout = new PieceLayout(size.Total, size.Piece, size.Block);
            var pieces = Enumerable.Range(0, size.Total).Chunk(size.Piece).ToArray();
            Assert.Equal(pieces.Length, layout.PieceCount);
            Assert.Equal((pieces.Length + 7) / 8, layout.BitfieldLength);
            for (var i = 0; i < pieces.Length; i++)
            {
                var piece = new PieceIndex(i);
                Assert.True(layout.Contains(piece));
                Assert.Equal(pieces[i][0], layout.OffsetOf(piece));
                Assert.Equal(pieces[i].Length, layout.LengthOf(piece));
                var blocks = pieces[i].Chunk(size.Block).ToArray();
                Assert.Equal(blocks.Length, layout.BlockCountOf(piece));
                for (var j = 0; j < blocks.Length; j++)
                {
                    var block = layout.BlockAt(piece, j);
                    Assert.Equal(new BlockRequest(piece, blocks[j][0] - pieces[i][0], blocks[j].Length), block);
                    Assert.True(layout.Contains(block));
                    Assert.Equal(j, layout.BlockIndexOf(block));
                }
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_range_is_contained_if_each_of_its_bytes_is() =>
        Prop.ForAll(Small, size =>
        {
            var layout = new PieceLayout(size.Total, size.Piece, size.Block);
            for (var index = -1; index <= layout.PieceCount; index++)
            {
                var piece = new PieceIndex(index);
                var length = index < 0 || index >= layout.PieceCount ? 0 : layout.LengthOf(piece);
                foreach (var begin in new[] { -1, 0, 1, length - 1, length, int.MaxValue, int.MinValue })
                {
                    foreach (var count in new[] { -1, 0, 1, length - 1, length, length + 1, int.MaxValue, int.MinValue })
                    {
                        var expected = begin >= 0 && count > 0 && (long)begin + count <= length;
                        var request = new BlockRequest(piece, begin, count);
                        Assert.Equal(expected, layout.Contains(request));
                        var isBlock = expected && Enumerable.Range(0, layout.BlockCountOf(piece)).Any(block => layout.BlockAt(piece, block) == request);
                        Assert.Equal(isBlock, layout.BlockIndexOf(request) >= 0);
                    }
                }
            }
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(-1L, 1, 1)]
    [InlineData(1L, 0, 1)]
    [InlineData(1L, -1, 1)]
    [InlineData(1L, PieceLayout.MaximumPieceLength + 1, 1)]
    [InlineData(1L, 1, 0)]
    [InlineData((long)PieceLayout.MaximumPieceCount + 1, 1, 1)]
    [InlineData(long.MaxValue, PieceLayout.MaximumPieceLength, 1)]
    [InlineData(long.MaxValue, 16384, 1)]
    public void Lengths_beyond_the_limits_are_refused(long total, int piece, int block) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PieceLayout(total, piece, block));

    [Fact]
    public void The_largest_layout_has_its_last_byte()
    {
        const long Total = (long)PieceLayout.MaximumPieceCount * PieceLayout.MaximumPieceLength;
        var layout = new PieceLayout(Total, PieceLayout.MaximumPieceLength);
        var last = new PieceIndex(layout.PieceCount - 1);
        Assert.Equal(Total, layout.OffsetOf(last) + layout.LengthOf(last));
        var block = layout.BlockAt(last, layout.BlockCountOf(last) - 1);
        Assert.Equal(PieceLayout.MaximumPieceLength, block.Begin + block.Length);
    }
}
