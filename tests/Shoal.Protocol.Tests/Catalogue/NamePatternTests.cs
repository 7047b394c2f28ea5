using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Catalogue;

namespace Shoal.Protocol.Tests.Catalogue;

/// <summary>What patterns match, against tables and against <see cref="NaivePattern"/>.</summary>
public sealed class NamePatternTests
{
    private static readonly Arbitrary<string> Junk =
        Gen.Elements("a", "é", "e\u0301", "/", "*", "**", "**/", "?", "[", "[!", "]", "-", "{", "}", ",", "\\", "\0", "\u202E", "\uD800", "\uDC00", "😀")
            .ArrayOf().Select(string.Concat).ToArbitrary();

    [Theory]
    [InlineData("models/x", "models/x", "models/y models/x/ models Models/x models/xx")]
    [InlineData("a?c", "abc aéc a😀c a?c", "ac a/c abbc")]
    [InlineData("models/*", "models/x models/x.y", "models models/x/y")]
    [InlineData("*.bin", ".bin x.bin", "a/x.bin x.bin2 x.BIN")]
    [InlineData("a*b*c", "abc axbxc aaabbbccc", "ab acb a/bc ab/c")]
    [InlineData("**", "a a/b a/b/c", "")]
    [InlineData("models/**", "models/x models/x/y/z", "models model/x xmodels/x")]
    [InlineData("**/b", "b a/b x/y/b", "ab a/bb b/a")]
    [InlineData("a/**/b", "a/b a/x/b a/x/y/b", "a/bb a/xb ab xa/b")]
    [InlineData("a/**/*.bin", "a/x.bin a/x/y.bin a/.bin", "x.bin a.bin ab/x.bin")]
    [InlineData("a**/b", "a/b axx/b a/x/y/b", "ab a/xb b")]
    [InlineData("a**b", "ab axb a/x/b a/b", "a/bc")]
    [InlineData("***/b", "b a/b", "ab")]
    [InlineData("**/**/b", "b a/b x/y/b", "ab")]
    [InlineData("**/*/**", "a/b a/b/c a/", "a")]
    [InlineData(@"**\/b", "a/b", "b")]
    [InlineData("[a-c]x", "ax bx cx", "dx x /x Ax")]
    [InlineData("[!a-c]x", "dx éx 😀x", "ax /x x")]
    [InlineData("[^a-c]x", "dx", "bx /x")]
    [InlineData("[a^!]", "a ^ !", "b")]
    [InlineData("[]x]", "] x", "[ a")]
    [InlineData("[!]]", "[ a", "]")]
    [InlineData("[a-]", "a -", "b")]
    [InlineData("[-a]", "a -", "b")]
    [InlineData("[--/]", "- .", "/ ,")]
    [InlineData(@"[\]\\\-]", @"] \ -", "[ a")]
    [InlineData(@"[a\-z]", "a - z", "b")]
    [InlineData("[é-😀]", "é 模 😀", "a 😁")]
    [InlineData("[[?*{,]", "[ ? * { ,", "a")]
    [InlineData("v{1,2}", "v1 v2", "v v3 v12 v1,2")]
    [InlineData("{a,b/c}/d", "a/d b/c/d", "b/d a,b/c/d")]
    [InlineData("x{,y}", "x xy", "xx y")]
    [InlineData("x{,}y", "xy", "x,y")]
    [InlineData("{x}", "x", "{x}")]
    [InlineData("{a,{b,c}d}e", "ae bde cde", "be de ade")]
    [InlineData("{*.bin,m?}", "x.bin .bin mx", "m x/y.bin")]
    [InlineData("{[,],b}", ", b", "[")]
    [InlineData("{a,x/}**/b", "a/b axx/b x/b x/y/b", "ab xb b")]
    [InlineData("{a,}**/b", "b a/b x/b axx/b", "ab")]
    [InlineData("a/{**/b,c}", "a/b a/x/b a/c", "a/x/c a/xb")]
    [InlineData("a,b", "a,b", "a b")]
    [InlineData(@"\*\?\[\]\{\}\\", @"*?[]{}\", "x?[]{}")]
    [InlineData(@"\a{\,,\}}", "a, a}", @"\a,")]
    [InlineData("größe/*", "größe/模型", "grösse/x")]
    public void Matches(string text, string names, string others)
    {
        Assert.True(NamePattern.TryParse(text, out var pattern, out var error), error);
        Assert.Equal(text, pattern.Text);
        Assert.All(names.Split(' '), name => Assert.True(pattern.IsMatch(name), name));
        Assert.All(others.Split(' ', StringSplitOptions.RemoveEmptyEntries), name => Assert.False(pattern.IsMatch(name), name));
    }

    [Theory]
    [InlineData("models/x", "models/x", true)]
    [InlineData(@"a\*", "a*", true)]
    [InlineData("{a}[b]{c,c}", "abc", true)]
    [InlineData("{,}", "", true)]
    [InlineData("a*", "a", false)]
    [InlineData("models/**", "models/", false)]
    [InlineData("models/**/x", "models/", false)]
    [InlineData("**", "", false)]
    [InlineData("?a", "", false)]
    [InlineData("{abc,abd}e", "ab", false)]
    [InlineData("{abc,ab}", "ab", false)]
    [InlineData("a{,b}", "a", false)]
    [InlineData("a{b,b[c]}c", "abc", false)]
    [InlineData("模/{😀,😁}", "模/", false)]
    public void All_that_match_begin_alike(string text, string prefix, bool isLiteral)
    {
        Assert.True(NamePattern.TryParse(text, out var pattern, out var error), error);
        Assert.Equal(prefix, pattern.Prefix);
        Assert.Equal(isLiteral, pattern.IsLiteral);
    }

    [Theory]
    [InlineData("", "the pattern is empty")]
    [InlineData("a[bc", "the '[' at character 2 is not closed")]
    [InlineData("[]", "the '[' at character 1 is not closed")]
    [InlineData("[!]", "the '[' at character 1 is not closed")]
    [InlineData("[a-", "the '[' at character 1 is not closed")]
    [InlineData("a]", "the ']' at character 2 closes nothing")]
    [InlineData("[[:alpha:]]", "the ']' at character 11 closes nothing")]
    [InlineData("😀{a", "the '{' at character 2 is not closed")]
    [InlineData("{a,{b}", "the '{' at character 1 is not closed")]
    [InlineData("{a,{b", "the '{' at character 4 is not closed")]
    [InlineData("{a,[}", "the '[' at character 4 is not closed")]
    [InlineData("a}", "the '}' at character 2 closes nothing")]
    [InlineData("a{}", "the '{' at character 2 is closed at once")]
    [InlineData("[xz-a]", "the range at character 3 runs backwards")]
    [InlineData("[/]", "the class at character 1 takes no character")]
    [InlineData("a[!\0-\U0010FFFF]", "the class at character 2 takes no character")]
    [InlineData(@"ab\", "the backslash at character 3 has nothing behind it")]
    [InlineData(@"[a\", "the backslash at character 3 has nothing behind it")]
    [InlineData("*e\u0301", "the pattern is not composed as Unicode's NFC demands (at character 2)")]
    public void Is_no_pattern(string text, string error)
    {
        Assert.False(NamePattern.TryParse(text, out var pattern, out var actual));
        Assert.Equal(error, actual);
        Assert.Null(pattern);
    }

    [Fact]
    public void A_pattern_is_bounded_in_length_and_depth()
    {
        Assert.True(NamePattern.TryParse(new string('?', 1024), out _, out _));
        Assert.False(NamePattern.TryParse(new string('é', 512) + "?", out _, out var error));
        Assert.Equal("the pattern is 1025 bytes long, of at most 1024", error);

        Assert.True(NamePattern.TryParse(new string('{', 32) + "a" + new string('}', 32), out var nested, out _));
        Assert.True(nested.IsMatch("a"));
        Assert.False(NamePattern.TryParse(new string('{', 1024), out _, out error));
        Assert.Equal("the '{' at character 33 is inside 32 others", error);
    }

    [Fact]
    public void It_means_what_all_its_expansions_mean() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            for (var count = 0; count < 20; count++)
            {
                var naive = NaivePattern.Make(random);
                Assert.True(NamePattern.TryParse(naive.Text, out var pattern, out var error), $"{naive.Text}: {error}");
                Assert.Equal(naive.Prefix, pattern.Prefix);
                Assert.Equal(naive.IsLiteral, pattern.IsLiteral);

                // With too many states for one word, but no name has an X.
                Assert.True(NamePattern.TryParse($"{naive.Text}{{,X{new string('?', 70)}}}", out var wide, out error), error);
                for (var i = 0; i < 30; i++)
                {
                    var name = naive.MakeName(random);
                    var isMatch = naive.IsMatch(name);
                    Assert.True(isMatch == pattern.IsMatch(name), $"{naive.Text} matches {name}: {isMatch}");
                    Assert.True(isMatch == wide.IsMatch(name), $"{wide.Text} matches {name}: {isMatch}");
                    Assert.True(!isMatch || pattern.CanMatchWithin($"a{name}b"), $"{naive.Text} can match within what {name} is part of");
                    Assert.True(!isMatch || name.StartsWith(pattern.Prefix, StringComparison.Ordinal), name);
                }
            }
        }).QuickCheckThrowOnFailure();

    // With backtracking none of these would end.
    [Theory]
    [InlineData("*a", 500, "b")]
    [InlineData("**a", 300, "b")]
    [InlineData("{a,aa,aaa}", 100, "b")]
    [InlineData("{,a}", 250, "b")]
    [InlineData("{*,**}", 150, "b")]
    [InlineData("{a,[a-c],?}", 90, "**b")]
    public void A_hostile_pattern_costs_no_more_than_its_length_for_each_character(string part, int count, string end)
    {
        Assert.True(NamePattern.TryParse(string.Concat(Enumerable.Repeat(part, count)) + end, out var pattern, out var error), error);
        Assert.False(pattern.IsMatch(new string('a', 1024)));
        Assert.False(pattern.IsMatch(new string('a', 1023) + "/"));
        Assert.False(pattern.IsMatch(new string('a', 1022) + "cb/"));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_a_character_of_a_name_and_none_of_a_pattern()
    {
        Assert.True(NamePattern.TryParse("?[!a]*", out var pattern, out _));
        Assert.True(pattern.IsMatch("\uD83D\uD83D\uDE00\uDE00"));
        Assert.False(NamePattern.TryParse("a\uD83D", out _, out var error));
        Assert.Equal("what stands at character 2 is half a surrogate pair", error);
    }

    [Fact]
    public void Junk_is_read_or_refused_in_words_that_can_be_shown() =>
        Prop.ForAll(Junk, Junk, (text, name) =>
        {
            if (NamePattern.TryParse(text, out var pattern, out var error))
            {
                Assert.True(!pattern.IsMatch(name) || name.StartsWith(pattern.Prefix, StringComparison.Ordinal));
                Assert.Equal(pattern.IsLiteral, pattern.IsLiteral && pattern.IsMatch(pattern.Prefix));
            }
            else
            {
                Assert.NotEmpty(error);
                Assert.DoesNotContain(error, character => character is < ' ' or > '~');
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_match_allocates_nothing()
    {
        Assert.True(NamePattern.TryParse("a/**/{x,y}*.bin", out var narrow, out _));
        Assert.True(NamePattern.TryParse($"{{a/**/x*.bin,{new string('?', 200)}}}", out var wide, out _));
        Assert.True(narrow.IsMatch("a/b/c/x模.bin") && wide.IsMatch("a/b/c/x模.bin"));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            _ = narrow.IsMatch("a/b/c/x模.bin") && wide.IsMatch("a/b/c/x模.bin");
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
