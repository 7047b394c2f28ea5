using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Catalogue;

namespace Shoal.Protocol.Tests.Catalogue;

/// <summary>What may be published under which name, and how a version of it is named.</summary>
public sealed class CatalogueNameTests
{
    private static readonly Arbitrary<string> Junk =
        Gen.Elements("a", "é", "e\u0301", "/", "//", ".", "..", "@", "@1", "0", "\\", "\0", "\u2028", "\u202E", "\uD800", "\uDC00", "😀", "\u0301")
            .ArrayOf().Select(string.Concat).ToArbitrary();

    [Theory]
    [InlineData("x")]
    [InlineData("models/x")]
    [InlineData("models/x/weights.safetensors")]
    [InlineData("...")]
    [InlineData(".hidden/..x")]
    [InlineData("with space/ and: *?[]{}\"|<>")]
    [InlineData("größe/模型/😀")]
    [InlineData("\u00C5ngstr\u00F6m")]
    [InlineData("a@3/b")]
    [InlineData("a@")]
    [InlineData("a@b")]
    [InlineData("a@3b")]
    [InlineData("a@٣")]
    [InlineData("a@-3")]
    public void Is_a_name(string text)
    {
        Assert.True(CatalogueName.TryParse(text, out var name, out var error), error);
        Assert.Equal("", error);
        Assert.Equal(text, name.Value);
        Assert.Equal(text, name.ToString());
    }

    [Theory]
    [InlineData("", "the name is empty")]
    [InlineData("/", "the name begins with a slash")]
    [InlineData("/a", "the name begins with a slash")]
    [InlineData("a/", "the name ends in a slash")]
    [InlineData("a//b", "part 2 is empty")]
    [InlineData(".", "part 1 is '.'")]
    [InlineData("a/../b", "part 2 is '..'")]
    [InlineData("a/b/..", "part 3 is '..'")]
    [InlineData("a\\b", "character 2 is a backslash")]
    [InlineData("a\u0000b", "character 2 is a control character (U+0000)")]
    [InlineData("a\tb", "character 2 is a control character (U+0009)")]
    [InlineData("😀\u0085", "character 2 is a control character (U+0085)")]
    [InlineData("ab\u007f", "character 3 is a control character (U+007F)")]
    [InlineData("a\u2028", "character 2 is a line break (U+2028)")]
    [InlineData("a\u2029", "character 2 is a line break (U+2029)")]
    [InlineData("exe\u202Egpj", "character 4 is a control of writing direction (U+202E)")]
    [InlineData("\u2066a", "character 1 is a control of writing direction (U+2066)")]
    [InlineData("cafe\u0301", "the name is not composed as Unicode's NFC demands (at character 4)")]
    [InlineData("😀\u2126", "the name is not composed as Unicode's NFC demands (at character 2)")]
    [InlineData("x@3", "the last part ends in '@' and digits, as a version does")]
    [InlineData("a/@00", "the last part ends in '@' and digits, as a version does")]
    public void Is_no_name(string text, string error)
    {
        Assert.False(CatalogueName.TryParse(text, out var name, out var actual));
        Assert.Equal(error, actual);
        Assert.Equal(default, name);
        Assert.Equal("", name.Value);
    }

    // Not in the table above: the test's own report must be valid Unicode.
    [Theory]
    [InlineData(0xD83D, 'x')]
    [InlineData(0xDE00, 'x')]
    [InlineData(0xD83D, 0xD83D)]
    public void Half_a_surrogate_pair_is_refused(int first, int second)
    {
        Assert.False(CatalogueName.TryParse($"ab{(char)first}{(char)second}", out _, out var error));
        Assert.Equal($"character 3 is half a surrogate pair (U+{first:X4})", error);
    }

    [Fact]
    public void The_length_is_counted_in_bytes()
    {
        Assert.True(CatalogueName.TryParse(new string('a', 1024), out _, out _));
        Assert.True(CatalogueName.TryParse(new string('é', 512), out _, out _));
        Assert.False(CatalogueName.TryParse(new string('é', 512) + "a", out _, out var error));
        Assert.Equal("the name is 1025 bytes long, of at most 1024", error);
    }

    [Theory]
    [InlineData("x", "x")]
    [InlineData("models/x", "x")]
    [InlineData("a/b/c.d", "c.d")]
    public void The_last_part_is_behind_the_last_slash(string text, string lastPart)
    {
        Assert.True(CatalogueName.TryParse(text, out var name, out _));
        Assert.Equal(lastPart, name.LastPart);
    }

    [Fact]
    public void Names_are_ordered_by_their_units()
    {
        string[] ordered = ["A", "a", "a!", "a/b", "a/b/c", "a/bb", "aa", "é", "😀", "\uFF5E"];
        CatalogueName[] names = [.. ordered.Reverse().Select(Name)];
        Assert.Equal(ordered, names.Order().Select(name => name.Value));
    }

    [Theory]
    [InlineData("models/x", "models/x", null)]
    [InlineData("models/x@3", "models/x", 3)]
    [InlineData("x@2147483647", "x", int.MaxValue)]
    [InlineData("a@3/b@1", "a@3/b", 1)]
    [InlineData("a@3/b", "a@3/b", null)]
    [InlineData("x@", "x@", null)]
    [InlineData("x@@1", "x@", 1)]
    public void A_reference_is_a_name_and_perhaps_a_version(string text, string name, int? version)
    {
        Assert.True(CatalogueReference.TryParse(text, out var reference, out var error), error);
        Assert.Equal(new CatalogueReference(Name(name), version), reference);
        Assert.Equal(text, reference.ToString());
    }

    [Theory]
    [InlineData("", "the name is empty")]
    [InlineData("@3", "the name is empty")]
    [InlineData("a/@3", "the name ends in a slash")]
    [InlineData("a/..@3", "part 2 is '..'")]
    [InlineData("x@0", "the version is 0, but versions begin at 1")]
    [InlineData("x@03", "the version begins with a zero")]
    [InlineData("x@2147483648", "the version is above 2147483647")]
    [InlineData("x@99999999999999999999", "the version is above 2147483647")]
    [InlineData("x@3@4", "the last part ends in '@' and digits, as a version does")]
    public void Is_no_reference(string text, string error)
    {
        Assert.False(CatalogueReference.TryParse(text, out var reference, out var actual));
        Assert.Equal(error, actual);
        Assert.Equal(default, reference);
    }

    [Fact]
    public void No_version_is_below_1() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new CatalogueReference(Name("x"), 0));

    [Fact]
    public void Junk_is_read_back_as_it_was_or_refused_in_words_that_can_be_shown() =>
        Prop.ForAll(Junk, text =>
        {
            if (CatalogueReference.TryParse(text, out var reference, out var error))
            {
                Assert.Equal(text, reference.ToString());
                Assert.Equal(text, Composition.Compose(text));
                Assert.True(CatalogueName.TryParse(reference.Name.Value, out _, out _));
            }
            else
            {
                Assert.Equal(default, reference);
                Assert.NotEmpty(error);
                Assert.DoesNotContain(error, character => character is < ' ' or > '~');
            }
        }).QuickCheckThrowOnFailure();

    private static CatalogueName Name(string text)
    {
        Assert.True(CatalogueName.TryParse(text, out var name, out var error), error);
        return name;
    }
}
