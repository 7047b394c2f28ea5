using System.Text;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;
using Shoal.Protocol.Tests.Bencode;

namespace Shoal.Protocol.Tests.Secrets;

public sealed class SecretHeaderTests
{
    public static TheoryData<string, bool, ContentFile[]> Headers => new()
    {
        { "file", false, [new ContentFile("file", 0, 0)] },
        { "größe 🐟.bin", false, [new ContentFile("größe 🐟.bin", long.MaxValue, 0, ContentAttributes.Executable)] },
        { "f", true, [new ContentFile("a", 1, 0), new ContentFile("b/c/d", 0, 1), new ContentFile("b/e", 7, 1, ContentAttributes.Executable)] },
        { new string('n', 255), true, [new ContentFile(new string('p', 255), 5, 0)] },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void What_is_written_is_read(string name, bool isFolder, ContentFile[] files)
    {
        var bytes = new SecretHeader(name, isFolder, files).Encode();
        Assert.True(int.IsPow2(bytes.Length));
        Assert.InRange(bytes.Length, 1024, int.MaxValue);
        Assert.True(SecretHeader.TryDecode(bytes, out var header, out var error, PathRules.None), error);
        Assert.Equal((name, isFolder), (header.Name, header.IsFolder));
        Assert.Equal(files, header.Files);
    }

    [Theory]
    [InlineData("d6:lengthi1ee", "it has no name")]
    [InlineData("d4:name1:ae", "it has not one of 'length' and 'files'")]
    [InlineData("d5:filesle6:lengthi1e4:name1:ae", "it has not one of 'length' and 'files'")]
    [InlineData("d6:lengthi1e4:name1:ae\0\0x\0", "something else than zeros follows it")]
    [InlineData("d6:lengthi1e4:name2:..e", "the file name '..' leads out of its folder")]
    [InlineData("d6:lengthi1e4:name3:a/be", "the file name 'a/b' contains a slash")]
    [InlineData("d5:filesld6:lengthi1e4:pathl2:..1:aeee4:name1:ae", "offset 9 (files[0]): the file name '..' leads out of its folder")]
    [InlineData("d5:filesld6:lengthi1e4:pathl1:aeed6:lengthi1e4:pathl1:aeee4:name1:ae", "offset 33 (files[1]): two files are called 'a'")]
    [InlineData("d6:lengthi-1e4:name1:ae", "offset 9 (length): expected an integer from 0 to 9223372036854775807, found -1")]
    [InlineData("", "offset 0: expected a dictionary, found the end of the data")]
    [InlineData("\0\0\0\0", "offset 0: expected a dictionary, found byte 0x00")]
    public void What_is_wrong_is_told_in_a_line(string text, string expected)
    {
        Assert.False(SecretHeader.TryDecode(Encoding.Latin1.GetBytes(text), out var header, out var error, PathRules.None));
        Assert.Null(header);
        Assert.Equal(expected, error);
    }

    [Fact]
    public void Damaged_headers_never_throw_and_what_is_read_of_them_is_safe()
    {
        var whole = new SecretHeader("name", true, [new ContentFile("a", 1, 0), new ContentFile("b/c", 22, 1, ContentAttributes.Executable)]).Encode();
        byte[] compact = [.. whole.AsSpan(0, whole.AsSpan().LastIndexOfAnyExcept((byte)0) + 1)];
        for (var length = 0; length < compact.Length; length++)
        {
            Assert.False(SecretHeader.TryDecode(compact.AsSpan(0, length), out _, out var error));
            Assert.NotEqual("", error);
        }

        for (var seed = 0; seed < 30_000; seed++)
        {
            var bytes = seed % 4 == 0 ? Fuzz.Noise(seed) : Fuzz.Damage(seed % 2 == 0 ? compact : [.. compact, 0, 0, 0], seed);
            if (SecretHeader.TryDecode(bytes, out var header, out var error, PathRules.None))
            {
                Assert.All(
                    header.Files.SelectMany(file => file.Components).Append(header.Name),
                    part => Assert.Null(SafePath.WhatIsWrongWith(part, PathRules.None)));
                Assert.True(SecretHeader.TryDecode(header.Encode(), out var again, out _, PathRules.None));
                Assert.Equal(header.Files, again.Files);
            }
            else
            {
                Assert.InRange(error.Length, 1, 500);
            }
        }
    }
}
