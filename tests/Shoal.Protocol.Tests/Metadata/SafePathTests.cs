using Shoal.Protocol.Metadata;

namespace Shoal.Protocol.Tests.Metadata;

public sealed class SafePathTests
{
    [Theory]
    [InlineData("con")]
    [InlineData("CON.txt")]
    [InlineData("nul.tar.gz")]
    [InlineData("aux .c")]
    [InlineData("Com1")]
    [InlineData("lpt9.x")]
    [InlineData("COM¹")]
    [InlineData("conin$")]
    [InlineData("trailing.")]
    [InlineData("trailing ")]
    [InlineData("...")]
    [InlineData("a:b")]
    [InlineData("a*")]
    [InlineData("what?")]
    [InlineData("a|b")]
    [InlineData("<a>")]
    [InlineData("\"")]
    public void What_only_Windows_cannot_have_is_refused_only_there(string name)
    {
        Assert.NotNull(SafePath.WhatIsWrongWith(name, PathRules.Windows));
        Assert.Null(SafePath.WhatIsWrongWith(name, PathRules.None));
        Assert.Null(SafePath.WhatIsWrongWith(name, PathRules.IgnoreCase));
    }

    [Theory]
    [InlineData("a")]
    [InlineData(".hidden")]
    [InlineData("console.txt")]
    [InlineData("com10")]
    [InlineData("🐟 漢字")]
    [InlineData(" leading")]
    [InlineData("..a")]
    [InlineData("a..b")]
    public void An_ordinary_name_is_fine_everywhere(string name) => Assert.Null(SafePath.WhatIsWrongWith(name, PathRules.Windows));

    [Theory]
    [InlineData("", "an empty file name")]
    [InlineData(".", "the file name '.' leads out of its folder")]
    [InlineData("..", "the file name '..' leads out of its folder")]
    [InlineData("a/b", "the file name 'a/b' contains a slash")]
    [InlineData("a\\b", "the file name 'a\\b' contains a backslash")]
    [InlineData("a\0", "the file name 'a\uFFFD' contains a NUL")]
    [InlineData("\u007f", "the file name '\uFFFD' contains the control character U+007F")]
    public void What_leads_astray_is_refused_everywhere(string name, string expected) =>
        Assert.Equal(expected, SafePath.WhatIsWrongWith(name, PathRules.None));

    [Fact]
    public void Half_a_surrogate_pair_is_no_name()
    {
        Assert.Equal("the file name 'a\uFFFD' is not valid Unicode", SafePath.WhatIsWrongWith("a\ud83d", PathRules.None));
        Assert.Equal("the file name '\uFFFDb' is not valid Unicode", SafePath.WhatIsWrongWith("\udc1fb", PathRules.None));
    }

    [Theory]
    [InlineData(0L, 16 * 1024)]
    [InlineData(1L, 16 * 1024)]
    [InlineData(2000L * 16 * 1024, 16 * 1024)]
    [InlineData((2000L * 16 * 1024) + 1, 32 * 1024)]
    [InlineData(4L << 30, 4 * 1024 * 1024)]
    [InlineData(1L << 40, 16 * 1024 * 1024)]
    [InlineData(long.MaxValue, 16 * 1024 * 1024)]
    public void The_piece_length_grows_with_the_content(long totalLength, int expected) =>
        Assert.Equal(expected, PieceLengthRule.For(totalLength));

    [Fact]
    public void There_are_1000_to_2000_pieces_wherever_the_bounds_allow_it()
    {
        for (var total = 1001L * 16 * 1024; total < 2000L * 16 * 1024 * 1024; total += (total / 7) + 1)
        {
            Assert.InRange(new PieceLayout(total, PieceLengthRule.For(total)).PieceCount, 1000, 2000);
        }
    }
}
