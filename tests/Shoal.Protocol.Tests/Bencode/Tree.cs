using System.Buffers;
using System.Text;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Tests.Bencode;

/// <summary>Any bencoded value as a tree: what the reader is compared by. Two trees are equal if their texts are.</summary>
internal abstract record Tree
{
    public sealed record Number(long Value) : Tree;

    public sealed record Bytes(string Latin1) : Tree;

    public sealed record Sequence(params Tree[] Items) : Tree;

    /// <summary>In the order of the keys.</summary>
    public sealed record Map(params (string Key, Tree Value)[] Pairs) : Tree;

    /// <summary>By plain string building, which shares nothing with the writer.</summary>
    public string Text => this switch
    {
        Number number => $"i{number.Value}e",
        Bytes bytes => $"{bytes.Latin1.Length}:{bytes.Latin1}",
        Sequence list => $"l{string.Concat(list.Items.Select(item => item.Text))}e",
        Map map => $"d{string.Concat(map.Pairs.Select(pair => $"{pair.Key.Length}:{pair.Key}{pair.Value.Text}"))}e",
        _ => throw new InvalidOperationException(),
    };

    public byte[] Encode()
    {
        var output = new ArrayBufferWriter<byte>();
        Write(new BencodeWriter(output));
        return output.WrittenSpan.ToArray();
    }

    public static Tree? Read(byte[] bytes, out ProtocolViolation? error, BencodeOptions? options = null)
    {
        var reader = new BencodeReader(bytes, options);
        var tree = Read(ref reader);
        reader.ReadEnd();
        error = reader.Error;
        return error is null ? tree : null;
    }

    /// <summary>Whether the bytes are strict bencode, by a naive recursive parser that throws.</summary>
    public static bool IsValid(byte[] bytes)
    {
        try
        {
            return new Naive(bytes).Value(0) == bytes.Length;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private void Write(BencodeWriter writer)
    {
        switch (this)
        {
            case Number number:
                writer.WriteInteger(number.Value);
                break;
            case Bytes bytes:
                writer.WriteString(Encoding.Latin1.GetBytes(bytes.Latin1));
                break;
            case Sequence list:
                writer.BeginList();
                foreach (var item in list.Items)
                {
                    item.Write(writer);
                }

                writer.End();
                break;
            case Map map:
                writer.BeginDictionary();
                foreach (var (key, value) in map.Pairs)
                {
                    writer.WriteKey(Encoding.Latin1.GetBytes(key));
                    value.Write(writer);
                }

                writer.End();
                break;
        }
    }

    private static Tree? Read(ref BencodeReader reader)
    {
        switch (reader.Peek())
        {
            case BencodeKind.Integer:
                return new Number(reader.ReadInteger());
            case BencodeKind.List:
                List<Tree> items = [];
                reader.EnterList();
                while (reader.NextItem())
                {
                    items.Add(Read(ref reader)!);
                }

                return new Sequence([.. items]);
            case BencodeKind.Dictionary:
                List<(string, Tree)> pairs = [];
                reader.EnterDictionary();
                while (reader.NextKey(out var key))
                {
                    var text = Encoding.Latin1.GetString(key);
                    pairs.Add((text, Read(ref reader)!));
                }

                return new Map([.. pairs]);
            default:
                return new Bytes(Encoding.Latin1.GetString(reader.ReadString()));
        }
    }

    private sealed class Naive(byte[] bytes)
    {
        private int _at;

        public int Value(int depth)
        {
            switch (Next())
            {
                case 'i':
                    var text = Until('e');
                    if (!long.TryParse(text, out var number) || number.ToString() != text)
                    {
                        throw new FormatException();
                    }

                    break;
                case 'l':
                    Deeper(depth);
                    while (bytes.ElementAtOrDefault(_at) != 'e')
                    {
                        Value(depth + 1);
                    }

                    _at++;
                    break;
                case 'd':
                    Deeper(depth);
                    string? last = null;
                    while (bytes.ElementAtOrDefault(_at) != 'e')
                    {
                        _at++;
                        var key = String();
                        if (last is not null && string.CompareOrdinal(last, key) >= 0)
                        {
                            throw new FormatException();
                        }

                        last = key;
                        Value(depth + 1);
                    }

                    _at++;
                    break;
                default:
                    String();
                    break;
            }

            return _at;
        }

        private static void Deeper(int depth)
        {
            if (depth == 64)
            {
                throw new FormatException();
            }
        }

        // Its first byte has been taken already.
        private string String()
        {
            _at--;
            var text = Until(':');
            if (!int.TryParse(text, out var length) || length < 0 || length.ToString() != text || length > bytes.Length - _at)
            {
                throw new FormatException();
            }

            _at += length;
            return Encoding.Latin1.GetString(bytes, _at - length, length);
        }

        private string Until(char end)
        {
            var start = _at;
            while (Next() != end)
            {
            }

            return Encoding.Latin1.GetString(bytes, start, _at - 1 - start);
        }

        private char Next() => _at < bytes.Length ? (char)bytes[_at++] : throw new FormatException();
    }
}
