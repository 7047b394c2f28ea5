using System.Security.Cryptography;
using System.Text;
using FsCheck.Fluent;

namespace Shoal.Mpi.Jobs.Files;

/// <summary>Writing <c>client&lt;R&gt;_&lt;name&gt;</c>, and hashes as records.</summary>
public sealed class SegmentOutputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("shoal-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("", 0)]
    [InlineData("x\n", 1)]
    [InlineData("a\nbcd\nef\n", 3)]
    public void The_hashes_stand_one_per_line(string text, int count)
    {
        var hashes = From(text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var path = SegmentOutput.PathOf(_folder, 7, "file");
        SegmentOutput.Write(path, hashes.Records.Span, hashes.Width);
        Assert.Equal(count, hashes.Count);
        Assert.Equal(Path.Combine(_folder, "client7_file"), path);
        Assert.Equal(text, File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_a_partial_result_that_names_it()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "client1_a"));
        var error = Assert.Throws<JobException>(() => SegmentOutput.Write(Path.Combine(_folder, "client1_a"), "x"u8, 1));
        Assert.Equal(JobFailure.Partial, error.Kind);
        Assert.StartsWith($"cannot write '{_folder}/client1_a':", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Records_and_texts_are_the_same_hashes() => FsCheck.Check.QuickThrowOnFailure(
        Prop.ForAll(
            Gen.Choose(1, 0x7e).Where(c => c > ' ').Select(c => (char)c).NonEmptyListOf().Select(string.Concat).ListOf().ToArbitrary(),
            texts =>
            {
                var hashes = From([.. texts]);
                return texts.SequenceEqual(Enumerable.Range(0, hashes.Count).Select(i => Encoding.UTF8.GetString(SegmentHashes.TextOf(hashes.RecordAt(i)))));
            }));

    [Fact]
    public void Sha1s_are_lines_of_forty_digits_and_back()
    {
        var sums = Enumerable.Range(0, 3).SelectMany(i => SHA1.HashData([(byte)i])).ToArray();
        var hashes = SegmentHashes.FromSha1(sums);
        Assert.Equal(3, hashes.Count);
        Assert.True(hashes.TryToSha1(out var back, out _));
        Assert.Equal(sums, back);
        Assert.False(From(["da39a3ee5e6b4b0d3255bfef95601890afd80709", "x"]).TryToSha1(out _, out var wrong));
        Assert.Equal(1, wrong);
    }

    private static SegmentHashes From(string[] texts) =>
        SegmentHashes.From([.. texts.Select(text => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(text))]);
}
