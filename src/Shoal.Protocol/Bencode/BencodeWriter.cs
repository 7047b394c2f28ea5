using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Shoal.Protocol.Bencode;

/// <summary>
/// Writes bencoded values (BEP 3). What it writes is always valid: keys out of order, a key without a value, or an end
/// too many are bugs of ours and throw <see cref="InvalidOperationException"/>. Can be used again after
/// <see cref="Reset"/>, and then allocates nothing. Not thread-safe.
/// </summary>
public sealed class BencodeWriter(IBufferWriter<byte> output)
{
    private IBufferWriter<byte> _output = output;
    private Level[] _levels = new Level[8];
    private int _depth;

    // The latest key of every open dictionary, outermost first: the innermost one's is last and can be replaced.
    private byte[] _keys = new byte[64];

    /// <summary>Starts anew on another output.</summary>
    public void Reset(IBufferWriter<byte> output)
    {
        _output = output;
        _depth = 0;
    }

    /// <summary>Writes an integer.</summary>
    public void WriteInteger(long value)
    {
        BeforeValue();
        var span = _output.GetSpan(22);
        span[0] = (byte)'i';
        Utf8Formatter.TryFormat(value, span[1..], out var digits);
        span[digits + 1] = (byte)'e';
        _output.Advance(digits + 2);
    }

    /// <summary>Writes a string of bytes.</summary>
    public void WriteString(ReadOnlySpan<byte> value)
    {
        BeforeValue();
        WriteLengthAndBytes(value);
    }

    /// <summary>Writes a string as UTF-8.</summary>
    public void WriteText(ReadOnlySpan<char> value)
    {
        BeforeValue();
        WriteLength(Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, _output);
    }

    /// <summary>Writes one value that is bencoded already.</summary>
    public void WriteRaw(ReadOnlySpan<byte> value)
    {
        BeforeValue();
        _output.Write(value);
    }

    /// <summary>Opens a dictionary.</summary>
    public void BeginDictionary() => Begin((byte)'d', isDictionary: true);

    /// <summary>Opens a list.</summary>
    public void BeginList() => Begin((byte)'l', isDictionary: false);

    /// <summary>Closes the innermost list or dictionary.</summary>
    public void End()
    {
        if (_depth == 0 || _levels[_depth - 1].HasKey)
        {
            throw new InvalidOperationException(_depth == 0 ? "nothing is open" : "the last key has no value");
        }

        _depth--;
        WriteByte((byte)'e');
    }

    /// <summary>Writes a key of the innermost dictionary. Keys come in the order of their bytes.</summary>
    public void WriteKey(ReadOnlySpan<byte> key)
    {
        if (_depth == 0 || !_levels[_depth - 1].IsDictionary || _levels[_depth - 1].HasKey)
        {
            throw new InvalidOperationException("a key belongs into a dictionary, after a value");
        }

        ref var level = ref _levels[_depth - 1];
        if (level.KeyLength >= 0 && _keys.AsSpan(level.KeyStart, level.KeyLength).SequenceCompareTo(key) >= 0)
        {
            throw new InvalidOperationException($"the key '{Encoding.UTF8.GetString(key)}' is out of order");
        }

        if (level.KeyStart + key.Length > _keys.Length)
        {
            Array.Resize(ref _keys, Math.Max(level.KeyStart + key.Length, 2 * _keys.Length));
        }

        key.CopyTo(_keys.AsSpan(level.KeyStart));
        level.KeyLength = key.Length;
        level.HasKey = true;
        WriteLengthAndBytes(key);
    }

    private void Begin(byte mark, bool isDictionary)
    {
        BeforeValue();
        var keyStart = _depth == 0 ? 0 : _levels[_depth - 1].KeyStart + Math.Max(0, _levels[_depth - 1].KeyLength);
        if (_depth == _levels.Length)
        {
            Array.Resize(ref _levels, 2 * _depth);
        }

        _levels[_depth++] = new Level { IsDictionary = isDictionary, KeyStart = keyStart, KeyLength = -1 };
        WriteByte(mark);
    }

    private void BeforeValue()
    {
        if (_depth > 0 && _levels[_depth - 1].IsDictionary)
        {
            if (!_levels[_depth - 1].HasKey)
            {
                throw new InvalidOperationException("a value in a dictionary needs a key");
            }

            _levels[_depth - 1].HasKey = false;
        }
    }

    private void WriteByte(byte value)
    {
        _output.GetSpan(1)[0] = value;
        _output.Advance(1);
    }

    private void WriteLengthAndBytes(ReadOnlySpan<byte> value)
    {
        WriteLength(value.Length);
        _output.Write(value);
    }

    private void WriteLength(int length)
    {
        var span = _output.GetSpan(11);
        Utf8Formatter.TryFormat(length, span, out var digits);
        span[digits] = (byte)':';
        _output.Advance(digits + 1);
    }

    private struct Level
    {
        public int KeyStart;

        /// <summary>-1 before the first key.</summary>
        public int KeyLength;
        public bool IsDictionary;

        /// <summary>Whether a key waits for its value.</summary>
        public bool HasKey;
    }
}
