using System.Text;

namespace Shoal.Protocol.Bencode;

/// <summary>
/// Reads bencoded bytes (BEP 3) front to back, strictly: keys sorted and unique, no leading zeros, no -0, integers of
/// 64 bits, bounded depth and string lengths. It never throws for what the bytes hold: the <b>first</b> error stays
/// (<see cref="Error"/>, with offset, path and what was expected), and from then on every read returns its default
/// and every loop ends. So a decoder reads everything it wants and asks once, by <see cref="ReadEnd"/> or
/// <see cref="Failed"/>, before it believes any of it. Allocates only for an error.
/// </summary>
/// <example><code>
/// var reader = new BencodeReader(bytes);
/// reader.EnterDictionary();
/// while (reader.NextKey(out var key))      // a value nobody read is skipped, and checked
/// {
///     if (key.SequenceEqual("interval"u8)) { interval = reader.ReadInteger(0, 86400); }
/// }
/// if (!reader.ReadEnd()) { return reader.Error; }
/// </code></example>
public ref struct BencodeReader
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly BencodeOptions _options;
    private BencodeLevels _levels;
    private int _depth;

    /// <summary>Begins at the first byte; without options, <see cref="BencodeOptions.Strict"/>.</summary>
    public BencodeReader(ReadOnlySpan<byte> bytes, BencodeOptions? options = null)
    {
        _bytes = bytes;
        _options = options ?? BencodeOptions.Strict;
    }

    /// <summary>How many bytes have been read; after an error, where it is.</summary>
    public int Offset { get; private set; }

    /// <summary>The first error, or null.</summary>
    public ProtocolViolation? Error { get; private set; }

    /// <summary>The first error's text without its place, for bytes that nobody else has seen.</summary>
    internal string? ErrorDetail { get; private set; }

    /// <summary>Whether there was an error.</summary>
    public readonly bool Failed => Error is not null;

    /// <summary>The bytes not read yet: what follows a dictionary in a BEP 9 message.</summary>
    public readonly ReadOnlySpan<byte> Remaining => _bytes[Offset..];

    /// <summary>What comes next. Looks at one byte only.</summary>
    public readonly BencodeKind Peek() => Failed || Offset == _bytes.Length
        ? BencodeKind.None
        : _bytes[Offset] switch
        {
            (byte)'i' => BencodeKind.Integer,
            >= (byte)'0' and <= (byte)'9' => BencodeKind.String,
            (byte)'l' => BencodeKind.List,
            (byte)'d' => BencodeKind.Dictionary,
            (byte)'e' => BencodeKind.End,
            _ => BencodeKind.None,
        };

    /// <summary>Reads an integer.</summary>
    public long ReadInteger()
    {
        if (!Expect(BencodeKind.Integer, "an integer"))
        {
            return 0;
        }

        var start = Offset;
        var at = start + 1;
        var negative = at < _bytes.Length && _bytes[at] == '-';
        at += negative ? 1 : 0;
        var digits = at;
        ulong magnitude = 0;
        var limit = negative ? (ulong)long.MaxValue + 1 : long.MaxValue;
        for (; at < _bytes.Length && IsDigit(_bytes[at]); at++)
        {
            var digit = (ulong)(_bytes[at] - '0');
            if (magnitude > (limit - digit) / 10)
            {
                return FailAt(start, "an integer beyond 64 bits");
            }

            magnitude = (magnitude * 10) + digit;
        }

        if (at == _bytes.Length)
        {
            return FailAt(at, "the data ends in an integer");
        }

        if (_bytes[at] != 'e' || at == digits)
        {
            return FailAt(at, $"expected {(at == digits ? "a digit" : "a digit or 'e'")} in an integer, found {BencodeLevels.Show(_bytes[at])}");
        }

        if (_bytes[digits] == '0' && (negative || at - digits > 1))
        {
            return FailAt(start, magnitude == 0 && negative && at - digits == 1 ? "the integer -0" : "a leading zero in an integer");
        }

        Offset = at + 1;
        return negative ? unchecked(-(long)magnitude) : (long)magnitude;
    }

    /// <summary>Reads an integer and fails if it is not within the bounds, which it may equal.</summary>
    public long ReadInteger(long least, long greatest)
    {
        var start = Offset;
        var value = ReadInteger();
        if (!Failed && (value < least || value > greatest))
        {
            return FailAt(start, $"expected an integer from {least} to {greatest}, found {value}");
        }

        return value;
    }

    /// <summary>Reads a string's bytes: a part of the input, not a copy.</summary>
    public ReadOnlySpan<byte> ReadString() => Expect(BencodeKind.String, "a string") ? StringAtOffset(_depth) : default;

    /// <summary>Reads a string as UTF-8; what is not UTF-8 becomes U+FFFD.</summary>
    public string ReadText() => Encoding.UTF8.GetString(ReadString());

    /// <summary>Enters a list; <see cref="NextItem"/> then walks it.</summary>
    public void EnterList()
    {
        if (Expect(BencodeKind.List, "a list"))
        {
            Enter(new BencodeLevel { IsList = true, Start = -1 });
        }
    }

    /// <summary>Enters a dictionary; <see cref="NextKey"/> then walks it.</summary>
    public void EnterDictionary()
    {
        if (Expect(BencodeKind.Dictionary, "a dictionary"))
        {
            Enter(new BencodeLevel { Start = -1 });
        }
    }

    /// <summary>
    /// Goes to the innermost list's next item, which the caller then reads; an item that was not read is skipped.
    /// False at the list's end, which it leaves, and on failure.
    /// </summary>
    public bool NextItem()
    {
        if (!Advance(isList: true))
        {
            return false;
        }

        ref var level = ref _levels[_depth - 1];
        level.Start++;
        level.IsPending = true;
        return true;
    }

    /// <summary>
    /// Goes to the innermost dictionary's next key; the caller then reads its value, or it is skipped.
    /// False at the dictionary's end, which it leaves, and on failure.
    /// </summary>
    public bool NextKey(out ReadOnlySpan<byte> key)
    {
        key = default;
        if (!Advance(isList: false))
        {
            return false;
        }

        var start = Offset;
        if (Peek() != BencodeKind.String)
        {
            FailAt(start, $"expected a dictionary key or its end, found {BencodeLevels.Show(_bytes[start])}", _depth - 1);
            return false;
        }

        key = StringAtOffset(_depth - 1);
        if (Failed)
        {
            return false;
        }

        ref var level = ref _levels[_depth - 1];
        if (level.Start >= 0 && !_options.AllowUnsortedKeys)
        {
            var order = _bytes.Slice(level.Start, level.Length).SequenceCompareTo(key);
            if (order >= 0)
            {
                FailAt(start, order == 0 ? $"the key '{BencodeLevels.Show(key)}' twice" : $"the key '{BencodeLevels.Show(key)}' out of order", _depth - 1);
                key = default;
                return false;
            }
        }

        level.Start = Offset - key.Length;
        level.Length = key.Length;
        level.IsPending = true;
        return true;
    }

    /// <summary>Skips one value of any kind, checking it as strictly as if it were read.</summary>
    public void Skip()
    {
        var depth = _depth;
        do
        {
            if (_depth > depth && !(_levels[_depth - 1].IsList ? NextItem() : NextKey(out _)))
            {
                continue;
            }

            switch (Peek())
            {
                case BencodeKind.Integer:
                    ReadInteger();
                    break;
                case BencodeKind.List:
                    EnterList();
                    break;
                case BencodeKind.Dictionary:
                    EnterDictionary();
                    break;
                case BencodeKind.String:
                    ReadString();
                    break;
                default:
                    Expect(BencodeKind.None, "a value");
                    break;
            }
        }
        while (_depth > depth && !Failed);
    }

    /// <summary>Skips one value and returns its exact bytes: of the info dictionary, these are what is hashed.</summary>
    public ReadOnlySpan<byte> ReadRaw()
    {
        var start = Offset;
        Skip();
        return Failed ? default : _bytes[start..Offset];
    }

    /// <summary>
    /// Whether all was well and nothing is left; bytes that are left over are an error. The last call of a decoder.
    /// </summary>
    public bool ReadEnd()
    {
        if (!Failed && Offset < _bytes.Length)
        {
            FailAt(Offset, $"{_bytes.Length - Offset} bytes after the end");
        }

        return !Failed;
    }

    /// <summary>
    /// Records an error of meaning ("a piece length of 0") at an offset, unless there is one already. Returns 0, so
    /// that a read can end with it.
    /// </summary>
    public long FailAt(int offset, string text) => FailAt(offset, text, _depth);

    private long FailAt(int offset, string text, int depth)
    {
        if (Error is null)
        {
            var path = _levels.PathIn(_bytes, depth);
            Error = new ProtocolViolation(path.Length == 0 ? $"offset {offset}: {text}" : $"offset {offset} ({path}): {text}");
            ErrorDetail = text;
            Offset = offset;
        }

        return 0;
    }

    private bool Expect(BencodeKind kind, string expected)
    {
        if (Failed)
        {
            return false;
        }

        if (_depth > 0)
        {
            _levels[_depth - 1].IsPending = false;
        }

        if (kind != BencodeKind.None && Peek() == kind)
        {
            return true;
        }

        var found = Peek() switch
        {
            BencodeKind.Integer => "an integer",
            BencodeKind.String => "a string",
            BencodeKind.List => "a list",
            BencodeKind.Dictionary => "a dictionary",
            BencodeKind.End => "an end",
            _ => Offset == _bytes.Length ? "the end of the data" : BencodeLevels.Show(_bytes[Offset]),
        };
        FailAt(Offset, $"expected {expected}, found {found}");
        return false;
    }

    private void Enter(BencodeLevel level)
    {
        if (_depth == _options.MaximumDepth)
        {
            FailAt(Offset, $"nested deeper than {_options.MaximumDepth}", 0);
            return;
        }

        _levels[_depth++] = level;
        Offset++;
    }

    // To the next item or key of the innermost level: true if there is one to be read at Offset.
    private bool Advance(bool isList)
    {
        if (Failed)
        {
            return false;
        }

        if (_depth == 0 || _levels[_depth - 1].IsList != isList)
        {
            throw new InvalidOperationException(isList ? "not in a list" : "not in a dictionary");
        }

        if (_levels[_depth - 1].IsPending)
        {
            Skip();
        }

        if (Failed)
        {
            return false;
        }

        if (Offset == _bytes.Length)
        {
            FailAt(Offset, isList ? "the data ends in a list" : "the data ends in a dictionary", _depth - 1);
            return false;
        }

        if (_bytes[Offset] != 'e')
        {
            return true;
        }

        Offset++;
        _depth--;
        return false;
    }

    // Offset stands at a digit. The path is told to a depth, for a key is not yet part of it.
    private ReadOnlySpan<byte> StringAtOffset(int depth)
    {
        var start = Offset;
        var at = start;
        long length = 0;
        for (; at < _bytes.Length && IsDigit(_bytes[at]); at++)
        {
            length = Math.Min((length * 10) + (_bytes[at] - '0'), int.MaxValue + 1L);
        }

        if (at == _bytes.Length)
        {
            FailAt(at, "the data ends in a string's length", depth);
        }
        else if (_bytes[at] != ':')
        {
            FailAt(at, $"expected ':' after a string's length, found {BencodeLevels.Show(_bytes[at])}", depth);
        }
        else if (_bytes[start] == '0' && at - start > 1)
        {
            FailAt(start, "a leading zero in a string length", depth);
        }
        else if (length > _options.MaximumStringLength)
        {
            FailAt(start, $"a string longer than {_options.MaximumStringLength} bytes", depth);
        }
        else if (length > _bytes.Length - at - 1)
        {
            FailAt(start, $"a string of {length} bytes, and {_bytes.Length - at - 1} are left", depth);
        }
        else
        {
            Offset = at + 1 + (int)length;
            return _bytes.Slice(at + 1, (int)length);
        }

        return default;
    }

    private static bool IsDigit(byte value) => value is >= (byte)'0' and <= (byte)'9';
}
