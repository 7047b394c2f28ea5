using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Tests.Bencode;

public sealed class BencodeReaderTests
{
    public static TheoryData<string> ValidTexts => new(Valid.Select(tree => tree.Text));

    internal static IEnumerable<Tree> Valid { get; } =
    [
        new Tree.Number(0),
        new Tree.Number(-1),
        new Tree.Number(42),
        new Tree.Number(long.MaxValue),
        new Tree.Number(long.MinValue),
        new Tree.Bytes(""),
        new Tree.Bytes("spam"),
        new Tree.Bytes("0123456789"),
        new Tree.Bytes("\0\xff"),
        new Tree.Sequence(),
        new Tree.Sequence(new Tree.Bytes("spam"), new Tree.Number(7), new Tree.Sequence(), new Tree.Map()),
        new Tree.Map(),
        new Tree.Map(("", new Tree.Number(1)), ("a", new Tree.Bytes("b")), ("aa", new Tree.Sequence()), ("b", new Tree.Map(("z", new Tree.Number(2))))),
        new Tree.Map(("\x7f", new Tree.Number(1)), ("\x80", new Tree.Number(2))),
    ];

    [Theory]
    [MemberData(nameof(ValidTexts))]
    public void A_valid_value_is_read_and_written_the_same(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        var tree = Tree.Read(bytes, out var error);
        Assert.Null(error);
        Assert.Equal(text, tree!.Text);
        Assert.Equal(bytes, tree.Encode());
        Assert.Equal(text, Encoding.Latin1.GetString(new BencodeReader(bytes).ReadRaw()));
    }

    [Theory]
    [MemberData(nameof(ValidTexts))]
    public void A_value_cut_anywhere_is_refused_with_an_offset(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Null(Tree.Read(bytes[..length], out var error));
            Assert.StartsWith("offset ", error!.Text);
            var reader = new BencodeReader(bytes.AsSpan(0, length));
            reader.Skip();
            Assert.False(reader.ReadEnd());
            Assert.InRange(reader.Offset, 0, length);
        }
    }

    [Theory]
    [InlineData("", "offset 0: expected a value, found the end of the data")]
    [InlineData("x", "offset 0: expected a value, found 'x'")]
    [InlineData("e", "offset 0: expected a value, found an end")]
    [InlineData("\u0007", "offset 0: expected a value, found byte 0x07")]
    [InlineData("ie", "offset 1: expected a digit in an integer, found 'e'")]
    [InlineData("i-e", "offset 2: expected a digit in an integer, found 'e'")]
    [InlineData("i--1e", "offset 2: expected a digit in an integer, found '-'")]
    [InlineData("i+1e", "offset 1: expected a digit in an integer, found '+'")]
    [InlineData("i1.5e", "offset 2: expected a digit or 'e' in an integer, found '.'")]
    [InlineData("i-0e", "offset 0: the integer -0")]
    [InlineData("i01e", "offset 0: a leading zero in an integer")]
    [InlineData("i-01e", "offset 0: a leading zero in an integer")]
    [InlineData("i00e", "offset 0: a leading zero in an integer")]
    [InlineData("i9223372036854775808e", "offset 0: an integer beyond 64 bits")]
    [InlineData("i-9223372036854775809e", "offset 0: an integer beyond 64 bits")]
    [InlineData("i99999999999999999999999999999999e", "offset 0: an integer beyond 64 bits")]
    [InlineData("i12", "offset 3: the data ends in an integer")]
    [InlineData("03:abc", "offset 0: a leading zero in a string length")]
    [InlineData("00:", "offset 0: a leading zero in a string length")]
    [InlineData("12", "offset 2: the data ends in a string's length")]
    [InlineData("3x", "offset 1: expected ':' after a string's length, found 'x'")]
    [InlineData("4:abc", "offset 0: a string of 4 bytes, and 3 are left")]
    [InlineData("2147483647:", "offset 0: a string of 2147483647 bytes, and 0 are left")]
    [InlineData("999999999999:", "offset 0: a string longer than 2147483647 bytes")]
    [InlineData("99999999999999999999999999999999:a", "offset 0: a string longer than 2147483647 bytes")]
    [InlineData("-1:a", "offset 0: expected a value, found '-'")]
    [InlineData("l", "offset 1: the data ends in a list")]
    [InlineData("li1e", "offset 4: the data ends in a list")]
    [InlineData("li1exe", "offset 4 ([1]): expected a value, found 'x'")]
    [InlineData("d", "offset 1: the data ends in a dictionary")]
    [InlineData("di1ei2ee", "offset 1: expected a dictionary key or its end, found 'i'")]
    [InlineData("d1:ae", "offset 4 (a): expected a value, found an end")]
    [InlineData("d1:a", "offset 4 (a): expected a value, found the end of the data")]
    [InlineData("d1:bi1e1:ai2ee", "offset 7: the key 'a' out of order")]
    [InlineData("d1:ai1e1:ai2ee", "offset 7: the key 'a' twice")]
    [InlineData("d2:aai1e1:ai2ee", "offset 8: the key 'a' out of order")]
    [InlineData("d4:infod5:filesld6:lengthi-0eeeee", "offset 25 (info.files[0].length): the integer -0")]
    [InlineData("i1ei2e", "offset 3: 3 bytes after the end")]
    [InlineData("0:\n", "offset 2: 1 bytes after the end")]
    public void Malformed_data_is_refused_and_the_text_says_where_and_why(string text, string expected)
    {
        var reader = new BencodeReader(Encoding.Latin1.GetBytes(text));
        reader.Skip();
        Assert.False(reader.ReadEnd());
        Assert.Equal(expected, reader.Error!.Text);
    }

    [Fact]
    public void A_value_of_another_kind_is_refused_by_name()
    {
        var reader = new BencodeReader("d8:intervall1:aee"u8);
        reader.EnterDictionary();
        Assert.True(reader.NextKey(out _));
        Assert.Equal(0, reader.ReadInteger());
        Assert.Equal("offset 11 (interval): expected an integer, found a list", reader.Error!.Text);
    }

    [Fact]
    public void An_integer_out_of_its_bounds_is_refused()
    {
        var reader = new BencodeReader("i70000e"u8);
        Assert.Equal(0, reader.ReadInteger(0, 65535));
        Assert.Equal("offset 0: expected an integer from 0 to 65535, found 70000", reader.Error!.Text);
    }

    [Fact]
    public void The_first_error_stays_and_every_later_read_gives_nothing()
    {
        var reader = new BencodeReader("li-0e4:spamd1:ai1eee"u8);
        reader.EnterList();
        Assert.True(reader.NextItem());
        reader.ReadInteger();
        var first = reader.Error;
        Assert.False(reader.NextItem());
        Assert.Equal(0, reader.ReadInteger());
        Assert.True(reader.ReadString().IsEmpty);
        Assert.Equal("", reader.ReadText());
        Assert.True(reader.ReadRaw().IsEmpty);
        reader.EnterDictionary();
        Assert.False(reader.NextKey(out _));
        Assert.Equal(BencodeKind.None, reader.Peek());
        reader.FailAt(0, "another");
        Assert.False(reader.ReadEnd());
        Assert.Same(first, reader.Error);
    }

    [Fact]
    public void What_the_caller_does_not_read_is_skipped_but_checked()
    {
        var reader = new BencodeReader("d1:ali1ei2ee1:bi7e1:cd1:xi03eee"u8);
        reader.EnterDictionary();
        long b = 0;
        while (reader.NextKey(out var key))
        {
            if (key.SequenceEqual("b"u8))
            {
                b = reader.ReadInteger();
            }
        }

        Assert.Equal(7, b);
        Assert.Equal("offset 25 (c.x): a leading zero in an integer", reader.Error!.Text);
    }

    [Fact]
    public void Items_that_nobody_reads_are_skipped_one_by_one()
    {
        var reader = new BencodeReader("li1e1:ali2eed1:bi3eee"u8);
        reader.EnterList();
        List<(int Offset, BencodeKind Kind)> items = [];
        while (items.Count < 9 && reader.NextItem())
        {
            items.Add((reader.Offset, reader.Peek()));
        }

        Assert.Equal([(1, BencodeKind.Integer), (4, BencodeKind.String), (7, BencodeKind.List), (12, BencodeKind.Dictionary)], items);
        Assert.True(reader.ReadEnd());
    }

    [Fact]
    public void Walking_what_was_not_entered_is_our_bug()
    {
        Assert.Throws<InvalidOperationException>(() => new BencodeReader("le"u8).NextItem());
        Assert.Throws<InvalidOperationException>(() =>
        {
            var reader = new BencodeReader("le"u8);
            reader.EnterList();
            reader.NextKey(out _);
        });
    }

    [Fact]
    public void The_bytes_after_a_dictionary_can_be_had()
    {
        var reader = new BencodeReader("d8:msg_typei1e5:piecei0eerest"u8);
        Assert.Equal("d8:msg_typei1e5:piecei0ee"u8, reader.ReadRaw());
        Assert.False(reader.Failed);
        Assert.Equal("rest"u8, reader.Remaining);
    }

    [Fact]
    public void Unsorted_keys_are_read_where_that_is_asked_for()
    {
        var bytes = "d1:bi1e1:ai2ee"u8.ToArray();
        Assert.Null(Tree.Read(bytes, out _));
        Assert.Equal("d1:bi1e1:ai2ee", Tree.Read(bytes, out _, BencodeOptions.UnsortedKeys)!.Text);
    }

    [Theory]
    [InlineData('l', 64, true)]
    [InlineData('l', 65, false)]
    [InlineData('l', 1_000_000, false)]
    [InlineData('d', 1_000_000, false)]
    public void Nesting_has_a_limit(char mark, int depth, bool isRead)
    {
        var open = mark == 'l' ? "l" : "d1:a";
        var bytes = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(open, depth)) + new string('e', depth));
        var reader = new BencodeReader(bytes);
        reader.Skip();
        Assert.Equal(isRead, reader.ReadEnd());
        Assert.Equal(isRead ? null : $"offset {64 * open.Length}: nested deeper than 64", reader.Error?.Text);
    }

    [Fact]
    public void Limits_can_be_narrower()
    {
        var options = new BencodeOptions { MaximumDepth = 1, MaximumStringLength = 3 };
        Assert.Equal("offset 1: nested deeper than 1", Error("llee"));
        Assert.Equal("offset 1 ([0]): a string longer than 3 bytes", Error("l4:spame"));
        Assert.Equal("offset 1: a string longer than 3 bytes", Error("d4:spami1ee"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BencodeOptions { MaximumDepth = 65 });

        string? Error(string text)
        {
            Tree.Read(Encoding.ASCII.GetBytes(text), out var error, options);
            return error?.Text;
        }
    }

    [Fact]
    public void A_hostile_key_does_not_reach_the_error_as_it_is()
    {
        var key = "\u001b[31m" + new string('k', 500);
        Tree.Read(Encoding.ASCII.GetBytes($"d{key.Length}:{key}x"), out var error);
        Assert.DoesNotContain('\u001b', error!.Text);
        Assert.InRange(error.Text.Length, 0, 200);
    }

    [Fact]
    public void Any_tree_survives_writing_and_reading() =>
        Prop.ForAll(Trees.Any, tree =>
        {
            var bytes = tree.Encode();
            return Encoding.Latin1.GetString(bytes) == tree.Text && Tree.Read(bytes, out _)?.Text == tree.Text;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Damaged_trees_and_noise_are_judged_as_a_naive_parser_does()
    {
        byte[][] seeds = [.. Valid.Select(tree => tree.Encode()), .. Gen.Sample(Trees.Any.Generator, 30, 30).Select(tree => tree.Encode())];
        var valid = 0;
        for (var seed = 0; seed < 30_000; seed++)
        {
            var bytes = seed % 3 == 0 ? Fuzz.Noise(seed) : Fuzz.Damage(seeds[seed % seeds.Length], seed);
            var tree = Tree.Read(bytes, out var error);
            Assert.True(tree is not null == Tree.IsValid(bytes), $"seed {seed}: {Encoding.Latin1.GetString(bytes)}: {error}");
            var reader = new BencodeReader(bytes);
            reader.Skip();
            Assert.True(reader.ReadEnd() == tree is not null, $"seed {seed}: skipping judged otherwise");
                        if (tree is not null)
            {
                valid++;
                Assert.Equal(bytes, tree.Encode());
            }
        }

        Assert.NotEqual(0, valid);
    }
}
