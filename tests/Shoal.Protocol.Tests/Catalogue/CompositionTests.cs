using System.Diagnostics;
using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Catalogue;

namespace Shoal.Protocol.Tests.Catalogue;

/// <summary>NFC against vectors, and against Python's where it is of the same Unicode.</summary>
public sealed class CompositionTests
{
    // Reads lines of code points in hexadecimal, and writes their NFC's; first its Unicode's version.
    private const string Python = """
        import sys, unicodedata
        print(unicodedata.unidata_version)
        for line in sys.stdin.read().splitlines():
            text = "".join(chr(int(code, 16)) for code in line.split())
            print(" ".join(f"{ord(character):X}" for character in unicodedata.normalize("NFC", text)))
        """;

    // What combines in some way, and what never does.
    private static readonly int[] Codes =
    [
        'a', 'e', 'A', '=', '/', 0xC5, 0xE9, 0x1E69, 0x212B, 0x300, 0x301, 0x307, 0x30A, 0x323, 0x327, 0x338, 0x340, 0x344, 0x345, 0x3B1, 0x3A9, 0x1FB7,
        0x915, 0x93C, 0x958, 0x9C7, 0x9BE, 0x9D7, 0xDD9, 0xDCA, 0xDCF, 0xDDD, 0x1100, 0x1112, 0x1113, 0x1161, 0x1175, 0x1176, 0x11A7, 0x11A8, 0x11C2,
        0x11C3, 0xAC00, 0xAC01, 0xD7A3, 0x3099, 0x304B, 0xD800, 0xDC00, 0xF900, 0xFB1D, 0xFFFD, 0x11099, 0x110BA, 0x1D157, 0x1D165, 0x1D15E, 0x1F600, 0x2F800, 0x10FFFF,
    ];

    private static readonly Arbitrary<string> Texts = Gen.Elements(Codes).ArrayOf().Select(Text).ToArbitrary();

    [Theory]
    [InlineData("", "")]
    [InlineData("plain/ASCII", "plain/ASCII")]
    [InlineData("\u00E9", "\u00E9")]
    [InlineData("e\u0301", "\u00E9")]
    [InlineData("A\u030A", "\u00C5")]
    [InlineData("\u212B", "\u00C5")]
    [InlineData("\u2126", "\u03A9")]
    [InlineData("\u0340", "\u0300")]
    [InlineData("\u0344", "\u0308\u0301")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323")]
    [InlineData("s\u0323\u0307", "\u1E69")]
    [InlineData("s\u0307\u0323", "\u1E69")]
    [InlineData("a\u0301\u0300", "\u00E1\u0300")]
    [InlineData("a\u0327\u0301", "\u00E1\u0327")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("\u03B1\u0345\u0342", "\u1FB7")]
    [InlineData("\u1112\u1161\u11AB", "\uD55C")]
    [InlineData("\uD558\u11AB", "\uD55C")]
    [InlineData("\uD55C\u11AB", "\uD55C\u11AB")]
    [InlineData("\uAC00\u11A7", "\uAC00\u11A7")]
    [InlineData("\u1100\u0301\u1161", "\u1100\u0301\u1161")]
    [InlineData("\u304B\u3099", "\u304C")]
    [InlineData("\u0958", "\u0915\u093C")]
    [InlineData("\u0DD9\u0DCF\u0DCA", "\u0DDD")]
    [InlineData("\uFB1D", "\u05D9\u05B4")]
    [InlineData("\uF900", "\u8C48")]
    [InlineData("\U0002F800", "\u4E3D")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]
    [InlineData("\U00011099\U000110BA", "\U0001109A")]
    [InlineData("\U0001F600e\u0301", "\U0001F600\u00E9")]
    [InlineData("\u0301e", "\u0301e")]
    public void Composes(string text, string composed)
    {
        Assert.Equal(composed, Composition.Compose(text));
        Assert.Equal(composed, Composition.Compose(composed));
        Assert.Equal(-1, Composition.FirstUncomposed(composed));
        Assert.Equal(text == composed, Composition.FirstUncomposed(text) == -1);
    }

    [Theory]
    [InlineData("cafe\u0301", 3)]
    [InlineData("\u00E9e\u0301", 1)]
    [InlineData("q\u0323\u0327", 1)]
    [InlineData("\U0001D15F\U0001D15E", 0)]
    [InlineData("x\U0001D15E", 1)]
    [InlineData("q\u0323\u0307x\u2126", 4)]
    public void Where_it_differs_is_told(string text, int index) => Assert.Equal(index, Composition.FirstUncomposed(text));

    [Fact]
    public void What_is_composed_is_left_as_it_is() =>
        Prop.ForAll(Texts, Texts, (text, other) =>
        {
            var composed = Composition.Compose(text);
            Assert.Equal(composed, Composition.Compose(composed));
            Assert.Equal(-1, Composition.FirstUncomposed(composed));
            Assert.Equal(text == composed, Composition.FirstUncomposed(text) == -1);
            Assert.Equal(Composition.Compose(text + other), Composition.Compose(composed + Composition.Compose(other)));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_long_run_of_marks_is_put_in_order()
    {
        var marks = string.Concat(Enumerable.Repeat("\u0315\u0323", 100_000));
        Assert.Equal("q" + new string('\u0323', 100_000) + new string('\u0315', 100_000), Composition.Compose("q" + marks));
    }

    [Fact]
    public void Agrees_with_Python_on_every_character() =>
        AssertAgrees([.. Enumerable.Range(0, 0x110000).Chunk(64).Select(codes => string.Join(' ', codes.Select(code => Text([code]))))]);

    [Fact]
    public void Agrees_with_Python_on_texts_that_combine()
    {
        var random = new Random(1);
        var all = Codes.Concat(Enumerable.Range(0x300, 0x70)).Concat(Enumerable.Range(0x1E00, 0x200)).ToArray();
        AssertAgrees([.. Enumerable.Range(0, 10_000).Select(_ => Text(random.GetItems(random.Next(2) == 0 ? Codes : all, random.Next(1, 9))))]);
    }

    private static void AssertAgrees(string[] texts)
    {
        string[] composed = RunPython(texts.Select(text => string.Join(' ', CodesOf(text).Select(code => code.ToString("X", CultureInfo.InvariantCulture)))));
        Assert.SkipUnless(composed.Length > 0, "there is no python3 here");
        Assert.SkipUnless(composed[0] == CompositionData.UnicodeVersion, $"python3 has Unicode {composed[0]}, the tables are of {CompositionData.UnicodeVersion}");
        Assert.Equal(texts.Length + 1, composed.Length);
        foreach (var (text, line) in texts.Zip(composed.Skip(1)))
        {
            Assert.Equal(line, string.Join(' ', CodesOf(Composition.Compose(text)).Select(code => code.ToString("X", CultureInfo.InvariantCulture))));
        }
    }

    // None if there is no Python.
    private static string[] RunPython(IEnumerable<string> lines)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        if (folders.Select(folder => Path.Combine(folder, "python3")).FirstOrDefault(File.Exists) is not { } program)
        {
            return [];
        }

        var start = new ProcessStartInfo(program, ["-c", Python]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        process.StandardInput.Write(string.Join('\n', lines));
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.TrimEnd('\n').Split('\n');
    }

    // Halves of surrogate pairs as they are; where chance makes a pair of them, it is one character for both sides.
    private static string Text(int[] codes) => string.Concat(codes.Select(code => code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32(code)));

    private static IEnumerable<int> CodesOf(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var isPair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            yield return isPair ? char.ConvertToUtf32(text[i], text[++i]) : text[i];
        }
    }
}
