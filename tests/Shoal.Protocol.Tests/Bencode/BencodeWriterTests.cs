using System.Buffers;
using System.Text;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Tests.Bencode;

public sealed class BencodeWriterTests
{
    private readonly ArrayBufferWriter<byte> _output = new();
    private readonly BencodeWriter _writer;

    public BencodeWriterTests() => _writer = new BencodeWriter(_output);

    private string Written => Encoding.UTF8.GetString(_output.WrittenSpan);

    [Fact]
    public void Every_kind_of_value_is_written()
    {
        _writer.BeginDictionary();
        _writer.WriteKey("a"u8);
        _writer.WriteText("fish 🐟");
        _writer.WriteKey("b"u8);
        _writer.BeginList();
        _writer.WriteInteger(long.MinValue);
        _writer.WriteString("x"u8);
        _writer.WriteRaw("de"u8);
        _writer.End();
        _writer.End();
        Assert.Equal("d1:a9:fish 🐟1:bli-9223372036854775808e1:xdeee", Written);
    }

    [Fact]
    public void Keys_out_of_order_or_twice_are_a_bug_of_the_caller()
    {
        _writer.BeginDictionary();
        _writer.WriteKey("b"u8);
        _writer.WriteInteger(1);
        Assert.Throws<InvalidOperationException>(() => _writer.WriteKey("a"u8));
        Assert.Throws<InvalidOperationException>(() => _writer.WriteKey("b"u8));
    }

    [Fact]
    public void The_order_of_an_outer_dictionary_is_remembered_while_inner_ones_are_written()
    {
        _writer.BeginDictionary();
        _writer.WriteKey("bbbb"u8);
        _writer.BeginDictionary();
        _writer.WriteKey(Encoding.ASCII.GetBytes(new string('a', 500)));
        _writer.BeginList();
        _writer.BeginDictionary();
        _writer.WriteKey("z"u8);
        _writer.WriteInteger(1);
        _writer.End();
        _writer.End();
        _writer.WriteKey("b"u8);
        _writer.WriteInteger(2);
        _writer.End();
        Assert.Throws<InvalidOperationException>(() => _writer.WriteKey("bbb"u8));
        _writer.WriteKey("c"u8);
        _writer.WriteInteger(3);
        _writer.End();
        Assert.NotNull(Tree.Read(_output.WrittenSpan.ToArray(), out _));
    }

    [Fact]
    public void Values_and_keys_must_alternate_in_a_dictionary()
    {
        Assert.Throws<InvalidOperationException>(() => _writer.WriteKey("a"u8));
        Assert.Throws<InvalidOperationException>(_writer.End);
        _writer.BeginDictionary();
        Assert.Throws<InvalidOperationException>(() => _writer.WriteInteger(1));
        _writer.WriteKey("a"u8);
        Assert.Throws<InvalidOperationException>(() => _writer.WriteKey("b"u8));
        Assert.Throws<InvalidOperationException>(_writer.End);
        _writer.BeginList();
        Assert.Throws<InvalidOperationException>(() => _writer.WriteKey("b"u8));
    }

    [Fact]
    public void It_can_be_used_again_after_a_reset()
    {
        _writer.BeginDictionary();
        _writer.WriteKey("a"u8);
        var second = new ArrayBufferWriter<byte>();
        _writer.Reset(second);
        _writer.WriteInteger(5);
        Assert.Equal("i5e", Encoding.ASCII.GetString(second.WrittenSpan));
    }
}
