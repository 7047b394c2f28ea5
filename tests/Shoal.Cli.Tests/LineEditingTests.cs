using System.Text;
using Shoal.Cli.LineEditing;

namespace Shoal.Cli.Tests;

/// <summary>The line editor: bytes in, a line and what stands on the screen out.</summary>
public class LineEditingTests
{
    private const string Esc = "\u001b";

    public static TheoryData<string, string> Typed => new()
    {
        { "abc", "abc|" },
        { "ab\u007fc", "ac|" },
        { $"abc{Esc}[D{Esc}[DX", "aX|bc" },
        { $"abc{Esc}OD{Esc}[HX{Esc}[FY", "XabcY|" },
        { $"abc{Esc}[1~{Esc}[3~", "|bc" },
        { $"one two{Esc}[1;5DX", "one X|two" },
        { $"one two{Esc}b{Esc}bX", "X|one two" },
        { $"one two\u0001{Esc}fX", "oneX| two" },
        { "one/two three/four\u0017", "one/two |" },
        { $"one/two three/four{Esc}\u007f", "one/two |" },
        { "one two\u0001\u000b\u0019\u0019", "one twoone two|" },
        { $"one two{Esc}b\u0015", "|two" },
        { $"one two\u0001{Esc}d", "| two" },
        { "ab\u0002\u0002\u0004", "|b" },
        { $"über 日本{Esc}[DX", "über 日X|本" },
        { "e\u0301\u007fx", "x|" },
        { "👨‍👩‍👧\u0002y", "y|👨‍👩‍👧" },
        { $"a{Esc}[99;99u{Esc}[<0;1;1Mb{Esc}xc\u0007", "abc|" },
        { $"{Esc}[200~one\r\ntwo\tx{Esc}[201~!", "one\ntwo x!|" },
        { $"{Esc}[200~a{Esc}[200b{Esc}[201~{Esc}[D-", "a[200-|b" },
    };

    [Theory]
    [MemberData(nameof(Typed))]
    public void Keys_edit_the_line_however_the_terminal_cuts_them(string typed, string expected)
    {
        var bytes = Encoding.UTF8.GetBytes(typed);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var (decoder, editor) = (new KeyDecoder(), new LineEditor(new History([])));
            foreach (var part in new[] { bytes[..cut], bytes[cut..] })
            {
                decoder.Add(part);
                while (decoder.TryRead(out var key))
                {
                    Assert.Equal(EditResult.Edited, editor.Handle(key));
                }
            }

            Assert.Equal(expected, editor.Text.Insert(editor.Cursor, "|"));
        }
    }

    [Fact]
    public void Bytes_that_are_no_text_do_no_harm()
    {
        var random = new Random(5);
        var (decoder, editor) = (new KeyDecoder(), new LineEditor(new History(["a", "b"])));
        var bytes = new byte[64];
        for (var i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            // Many of what begins sequences.
            bytes[i % 64] = 0x1b;
            bytes[(i + 1) % 64] = (byte)'[';
            decoder.Add(bytes.AsSpan(0, random.Next(bytes.Length)));
            while (decoder.TryRead(out var key))
            {
                editor.Handle(key);
                Assert.InRange(editor.Cursor, 0, editor.Text.Length);
                Assert.InRange(editor.Text.Length, 0, LineEditor.MaximumLength);
            }
        }
    }

    [Fact]
    public void Entered_lines_come_back_and_so_does_what_was_being_typed()
    {
        var history = new History(["first"]);
        var editor = new LineEditor(history);
        history.Add("second");
        history.Add("second");
        history.Add("  ");
        editor.Set("third");
        List<string> seen = [];
        foreach (var kind in new[] { KeyKind.Up, KeyKind.Up, KeyKind.Up, KeyKind.Down, KeyKind.Down, KeyKind.Down })
        {
            editor.Handle(new Key(kind));
            seen.Add(editor.Text);
        }

        Assert.Equal(["second", "first", "first", "second", "third", "third"], seen);
        Assert.Equal(History.MaximumCount, new History(Enumerable.Range(0, 2000).Select(number => $"{number}")).Lines.Count);
    }

    [Theory]
    [InlineData("abc", 3, 10, "> abc|")]
    [InlineData("abcdefgh", 8, 10, "> abcdefgh\n|")]
    [InlineData("abcdefghij", 10, 10, "> abcdefgh\nij|")]
    [InlineData("abcdefghij", 2, 10, "> ab|cdefgh\nij")]
    [InlineData("abcdefg日本", 9, 10, "> abcdefg\n日本|")]
    [InlineData("日本", 1, 10, "> 日|本")]
    [InlineData("a\nb", 3, 10, "> a⏎b|")]
    [InlineData("a\u001b[Jb", 5, 10, "> a\ufffd[Jb|")]
    public void The_line_is_drawn_over_as_many_rows_as_it_takes(string text, int cursor, int width, string expected)
    {
        var (view, screen) = (new PromptView(), new Screen(width));
        screen.Write(view.Show(["above"], new Foot(null, "> ", text, cursor), width));
        Assert.Equal("above\n" + expected, screen.ToString());
        // Again, with something above it: nothing of the old one is left.
        screen.Write(view.Show(["more"], new Foot("status of all", "> ", text, cursor), width));
        Assert.Equal("above\nmore\nstatus of\n" + expected, screen.ToString());
        screen.Write(view.Show(new Foot(null, "> ", "x", 1), width));
        Assert.Equal("above\nmore\n> x|", screen.ToString());
    }

    [Fact]
    public void What_passes_above_leaves_the_line_as_it_is()
    {
        var (view, screen) = (new PromptView(), new Screen(20));
        var foot = new Foot("Seeding 1", "> ", "a line of thirty characters, yes", 7);
        screen.Write(view.Show(foot, 20));
        for (var i = 0; i < 5; i++)
        {
            screen.Write(view.Show([$"line {i} is a rather long one"], foot with { Status = $"Seeding {i}" }, 20));
        }

        Assert.EndsWith("line 4 is a rather l\nong one\nSeeding 4\n> a line |of thirty c\nharacters, yes", screen.ToString(), StringComparison.Ordinal);
        Assert.Equal("", view.Show(foot with { Status = "Seeding 4" }, 20));
    }

    /// <summary>As much of a terminal as a view needs.</summary>
    private sealed class Screen(int width)
    {
        private readonly List<List<string>> _rows = [[]];
        private int _row;
        private int _column;

        public void Write(string text)
        {
            for (var i = 0; i < text.Length;)
            {
                if (text[i] == '\u001b')
                {
                    var end = i + 2;
                    while (!char.IsLetter(text[end]))
                    {
                        end++;
                    }

                    Control(text[end], int.TryParse(text[(i + 2)..end], out var count) ? count : 1);
                    i = end + 1;
                    continue;
                }

                var length = System.Globalization.StringInfo.GetNextTextElementLength(text, i);
                if (text[i] == '\r')
                {
                    _column = 0;
                    length = 1;
                }
                else if (text[i] == '\n')
                {
                    Down();
                }
                else
                {
                    Put(text.Substring(i, length));
                }

                i += length;
            }
        }

        public override string ToString() => string.Join('\n', _rows.Select((cells, row) =>
        {
            var shown = row != _row ? cells : [.. cells.Take(_column), "|", .. cells.Skip(_column)];
            return string.Concat(shown);
        })).TrimEnd('\n');

        private void Put(string element)
        {
            var cells = element[0] >= 0x3000 && element[0] < 0xfff0 ? 2 : 1;
            if (_column + cells > width)
            {
                _column = 0;
                Down();
            }

            var row = _rows[_row];
            while (row.Count < _column + cells)
            {
                row.Add("");
            }

            row[_column] = element;
            _column += cells;
        }

        private void Down()
        {
            _row++;
            if (_row == _rows.Count)
            {
                _rows.Add([]);
            }
        }

        private void Control(char final, int count)
        {
            switch (final)
            {
                case 'A':
                    _row -= count;
                    break;
                case 'C':
                    _column += count;
                    break;
                case 'J':
                    _rows[_row].RemoveRange(Math.Min(_column, _rows[_row].Count), Math.Max(0, _rows[_row].Count - _column));
                    _rows.RemoveRange(_row + 1, _rows.Count - _row - 1);
                    break;
                default:
                    break;
            }
        }
    }
}
