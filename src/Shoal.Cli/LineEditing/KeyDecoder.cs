using System.Text;

namespace Shoal.Cli.LineEditing;

/// <summary>
/// What a terminal in raw mode sends, taken apart into keys: UTF-8, control characters, the sequences of xterm and its kin (ECMA-48), pastes
/// between brackets (mode 2004). However the bytes are cut, the keys are the same. It keeps no more than one sequence. Not thread-safe.
/// </summary>
internal sealed class KeyDecoder
{
    private const byte Escape = 0x1b;
    private const int LongestSequence = 32;

    private static readonly byte[] PasteEnd = "\u001b[201~"u8.ToArray();

    private byte[] _bytes = [];
    private int _start;
    private bool _isInPaste;

    private ReadOnlySpan<byte> Rest => _bytes.AsSpan(_start);

    /// <summary>Takes what came; <see cref="TryRead"/> is to be called until it says no.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        _bytes = [.. Rest, .. bytes];
        _start = 0;
    }

    /// <summary>The next key, if it is all there.</summary>
    public bool TryRead(out Key key)
    {
        key = default;
        while (!Rest.IsEmpty)
        {
            var (length, read) = _isInPaste ? ReadPaste() : Rest[0] switch
            {
                Escape => ReadSequence(),
                < 0x20 or 0x7f => (1, new Key(KindOf(Rest[0]))),
                _ => ReadText(KeyKind.Text, Rest),
            };
            _start += length;
            if (read is { } found)
            {
                key = found;
                return true;
            }

            if (length == 0)
            {
                return false;
            }
        }

        return false;
    }

    private static KeyKind KindOf(byte control) => control switch
    {
        0x01 => KeyKind.Home, // Ctrl-A, and so on
        0x02 => KeyKind.Left,
        0x03 => KeyKind.Interrupt,
        0x04 => KeyKind.EndOfInput,
        0x05 => KeyKind.End,
        0x06 => KeyKind.Right,
        0x08 or 0x7f => KeyKind.Backspace,
        0x09 => KeyKind.Tab,
        0x0a or 0x0d => KeyKind.Enter,
        0x0b => KeyKind.CutBehind,
        0x0c => KeyKind.ClearScreen,
        0x0e => KeyKind.Down,
        0x10 => KeyKind.Up,
        0x15 => KeyKind.CutBefore,
        0x17 => KeyKind.CutWordBefore,
        0x19 => KeyKind.Yank,
        _ => KeyKind.Unknown,
    };

    // Characters as far as they are whole; what is no UTF-8 becomes U+FFFD.
    private static (int Length, Key? Key) ReadText(KeyKind kind, ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var length = 0;
        while (length < bytes.Length && (kind == KeyKind.Paste || bytes[length] is not (< 0x20 or 0x7f)))
        {
            if (Rune.DecodeFromUtf8(bytes[length..], out var rune, out var consumed) == System.Buffers.OperationStatus.NeedMoreData)
            {
                break;
            }

            text.Append(rune.ToString());
            length += consumed;
        }

        return (length, text.Length == 0 ? null : new Key(kind, text.ToString()));
    }

    private (int Length, Key? Key) ReadPaste()
    {
        var end = Rest.IndexOf(PasteEnd);
        if (end == 0)
        {
            _isInPaste = false;
            return (PasteEnd.Length, null);
        }

        // Its end may have come in part.
        var inside = end > 0 ? end : Rest.Length;
        for (var begun = PasteEnd.Length - 1; end < 0 && begun > 0; begun--)
        {
            if (Rest.EndsWith(PasteEnd.AsSpan(0, begun)))
            {
                inside -= begun;
                break;
            }
        }

        var (length, key) = ReadText(KeyKind.Paste, Rest[..inside]);
        // Half a character before the end is none.
        return end > 0 && length == 0 ? (inside, null) : (length, key);
    }

    private (int Length, Key? Key) ReadSequence()
    {
        if (Rest.Length < 2)
        {
            return (0, null);
        }

        return Rest[1] switch
        {
            (byte)'[' => ReadControlSequence(),
            (byte)'O' => Rest.Length < 3 ? (0, null) : (3, new Key(Final(Rest[2], isWord: false))),
            Escape => (1, null),
            (byte)'b' => (2, new Key(KeyKind.WordLeft)), // Alt-B, and so on
            (byte)'f' => (2, new Key(KeyKind.WordRight)),
            (byte)'d' => (2, new Key(KeyKind.CutWordBehind)),
            0x08 or 0x7f => (2, new Key(KeyKind.CutWordBefore)),
            < 0x80 => (2, new Key(KeyKind.Unknown)),
            _ => (1, new Key(KeyKind.Unknown)),
        };
    }

    // ESC [ parameters final.
    private (int Length, Key? Key) ReadControlSequence()
    {
        var length = 2;
        while (length < Rest.Length && Rest[length] is >= 0x20 and <= 0x3f && length < LongestSequence)
        {
            length++;
        }

        if (length == Rest.Length && length < LongestSequence)
        {
            return (0, null);
        }

        var parameters = Encoding.ASCII.GetString(Rest[2..length]);
        var final = length < Rest.Length ? Rest[length] : (byte)0;
        length = Math.Min(length + 1, Rest.Length);
        if (final == '~' && parameters == "200")
        {
            _isInPaste = true;
            return (length, null);
        }

        var modifier = parameters.Split(';') is [_, var second, ..] ? second : "";
        return (length, new Key(final == '~' ? Numbered(parameters.Split(';')[0]) : Final(final, isWord: modifier is "3" or "5")));
    }

    private static KeyKind Numbered(string number) => number switch
    {
        "1" or "7" => KeyKind.Home,
        "3" => KeyKind.Delete,
        "4" or "8" => KeyKind.End,
        _ => KeyKind.Unknown,
    };

    private static KeyKind Final(byte final, bool isWord) => (char)final switch
    {
        'A' => KeyKind.Up,
        'B' => KeyKind.Down,
        'C' => isWord ? KeyKind.WordRight : KeyKind.Right,
        'D' => isWord ? KeyKind.WordLeft : KeyKind.Left,
        'F' => KeyKind.End,
        'H' => KeyKind.Home,
        _ => KeyKind.Unknown,
    };
}
