using System.Globalization;
using System.Text;

namespace Shoal.Cli.LineEditing;

/// <summary>What is to be done after a key.</summary>
internal enum EditResult
{
    /// <summary>Nothing but to show the line.</summary>
    Edited,

    /// <summary>The line is entered.</summary>
    Submitted,

    /// <summary>The word at the cursor is to be completed.</summary>
    CompletionWanted,

    /// <summary>Ctrl-C; the line is as it was.</summary>
    Interrupted,

    /// <summary>Ctrl-D on an empty line.</summary>
    Ended,

    ClearScreen,
}

/// <summary>
/// A line that is edited: keys in, text and cursor out. The cursor stands between characters as people see them (grapheme clusters). A paste
/// of several lines keeps them, and runs nothing: who pasted it sees it, and enters it or not. Not thread-safe.
/// </summary>
internal sealed class LineEditor(History history)
{
    /// <summary>UTF-16 units at most; what is more is not taken.</summary>
    public const int MaximumLength = 16 * 1024;

    private string _cut = "";
    private bool _isAfterReturn;

    public string Text { get; private set; } = "";

    /// <summary>Before which UTF-16 unit of <see cref="Text"/> it stands.</summary>
    public int Cursor { get; private set; }

    /// <summary>Takes a key.</summary>
    public EditResult Handle(Key key)
    {
        switch (key.Kind)
        {
            case KeyKind.Text or KeyKind.Paste:
                Insert(key);
                break;
            case KeyKind.Enter:
                return EditResult.Submitted;
            case KeyKind.Tab:
                return EditResult.CompletionWanted;
            case KeyKind.Interrupt:
                return EditResult.Interrupted;
            case KeyKind.EndOfInput when Text.Length == 0:
                return EditResult.Ended;
            case KeyKind.ClearScreen:
                return EditResult.ClearScreen;
            case KeyKind.Up when history.Older(Text) is { } older:
                Set(older);
                break;
            case KeyKind.Down when history.Newer() is { } newer:
                Set(newer);
                break;
            case KeyKind.Backspace:
                Replace(Before(Cursor), Cursor, "");
                break;
            case KeyKind.Delete or KeyKind.EndOfInput:
                Replace(Cursor, Behind(Cursor), "");
                break;
            case KeyKind.CutWordBefore:
                Cut(WordBefore(char.IsWhiteSpace), Cursor);
                break;
            case KeyKind.CutWordBehind:
                Cut(Cursor, WordBehind());
                break;
            case KeyKind.CutBefore:
                Cut(0, Cursor);
                break;
            case KeyKind.CutBehind:
                Cut(Cursor, Text.Length);
                break;
            case KeyKind.Yank:
                Replace(Cursor, Cursor, _cut);
                break;
            default:
                Cursor = key.Kind switch
                {
                    KeyKind.Left => Before(Cursor),
                    KeyKind.Right => Behind(Cursor),
                    KeyKind.WordLeft => WordBefore(IsBetweenWords),
                    KeyKind.WordRight => WordBehind(),
                    KeyKind.Home => 0,
                    KeyKind.End => Text.Length,
                    _ => Cursor,
                };
                break;
        }

        return EditResult.Edited;
    }

    /// <summary>Puts something in the place of a part of the line; the cursor then stands behind it.</summary>
    public void Replace(int start, int end, string with)
    {
        if (Text.Length - (end - start) + with.Length <= MaximumLength)
        {
            Text = string.Concat(Text.AsSpan(0, start), with, Text.AsSpan(end));
            Cursor = start + with.Length;
        }
    }

    /// <summary>Puts another line in the place of this one.</summary>
    public void Set(string text) => (Text, Cursor) = (text, text.Length);

    // A paste ends its lines as a terminal does, with CR, or with CR and LF, of which the second may come later.
    private void Insert(Key key)
    {
        var text = new StringBuilder(key.Text.Length);
        foreach (var character in key.Text)
        {
            text.Append(character switch
            {
                '\r' => "\n",
                '\n' => _isAfterReturn ? "" : "\n",
                '\t' => " ",
                _ => char.IsControl(character) ? "" : character.ToString(),
            });
            _isAfterReturn = character == '\r';
        }

        Replace(Cursor, Cursor, text.ToString());
    }

    private void Cut(int start, int end)
    {
        if (end > start)
        {
            _cut = Text[start..end];
            Replace(start, end, "");
        }
    }

    private int Behind(int index) => index == Text.Length ? index : index + StringInfo.GetNextTextElementLength(Text, index);

    private int Before(int index)
    {
        var before = 0;
        for (var next = 0; next < index; next = Behind(next))
        {
            before = next;
        }

        return before;
    }

    private int WordBefore(Func<char, bool> isBetween)
    {
        var index = Cursor;
        while (index > 0 && isBetween(Text[index - 1]))
        {
            index--;
        }

        while (index > 0 && !isBetween(Text[index - 1]))
        {
            index--;
        }

        return index;
    }

    private int WordBehind()
    {
        var index = Cursor;
        while (index < Text.Length && IsBetweenWords(Text[index]))
        {
            index++;
        }

        while (index < Text.Length && !IsBetweenWords(Text[index]))
        {
            index++;
        }

        return index;
    }

    private static bool IsBetweenWords(char character) => !char.IsLetterOrDigit(character) && !char.IsSurrogate(character) && char.GetUnicodeCategory(character) != UnicodeCategory.NonSpacingMark;
}
