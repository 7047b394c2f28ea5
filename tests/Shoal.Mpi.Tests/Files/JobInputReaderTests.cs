using System.Text;

namespace Shoal.Mpi.Jobs.Files;

/// <summary>Reading <c>in&lt;R&gt;.txt</c>: what is taken, and that every error names file and line.</summary>
public class JobInputReaderTests
{
    private const string Sample = "2\na 3\nh1\nh2\nh3\nb 1\nx\n2\nc\nd\n";

    [Theory]
    [InlineData(Sample)]
    [InlineData("2\na 3\nh1\nh2\nh3\nb 1\nx\n2\nc\nd")]
    [InlineData("2\r\na 3\r\nh1\r\nh2\r\nh3\r\nb 1\r\nx\r\n2\r\nc\r\nd\r\n")]
    [InlineData("2\na 3\nh1\nh2\nh3\nb 1\nx\n2\nc\nd\n\n\n  \n\t\n")]
    [InlineData("2 a 3 h1 h2 h3 b 1 x 2 c d")]
    [InlineData("  2\n a\t3 \nh1 \n\n h2\nh3\nb   1\nx\n\n2\nc\nd")]
    [InlineData("\uFEFF2\na 3\nh1\nh2\nh3\nb 1\nx\n2\nc\nd\n")]
    public void White_space_of_any_kind_separates_tokens(string text)
    {
        var input = Read(text);
        Assert.Equal(["a", "b"], input.Owned.Select(file => file.Name));
        Assert.Equal(["h1", "h2", "h3"], Texts(input.Owned[0].Hashes!));
        Assert.Equal(["x"], Texts(input.Owned[1].Hashes!));
        Assert.Equal(["c", "d"], input.Wanted.Select(file => file.Name));
        Assert.Empty(input.Warnings);
    }

    [Fact]
    public void A_rank_may_own_nothing_want_nothing_or_neither()
    {
        Assert.Equal(["a"], Read("0\n1\na\n").Wanted.Select(file => file.Name));
        Assert.Equal(["a"], Read("1\na 1\nx\n0\n").Owned.Select(file => file.Name));
        var neither = Read("0\n0\n");
        Assert.Empty(neither.Owned);
        Assert.Empty(neither.Wanted);
    }

    [Fact]
    public void Hashes_that_would_fill_the_memory_are_refused()
    {
        var text = $"1\nbig 262145\n{new string('h', 4096)}\n{string.Concat(Enumerable.Repeat("y\n", 262144))}0\n";
        var error = Assert.Throws<JobException>(() => Read(text));
        Assert.Contains(":2: 'big' has 262145 hashes, the longest of which makes them 1073745920 bytes; at most 1073741824", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_may_have_no_segment()
    {
        var input = Read("2\nempty 0\nb 1\nx\n0\n");
        Assert.Equal(0, input.Owned[0].Hashes!.Count);
        Assert.Equal(1, input.Owned[1].Hashes!.Count);
    }

    [Fact]
    public void Names_and_counts_may_be_far_beyond_those_of_the_original_systems()
    {
        var text = new StringBuilder("300\n");
        for (var file = 0; file < 300; file++)
        {
            text.Append(new string('n', 200)).Append(file).Append(" 1000\n");
            for (var segment = 0; segment < 1000; segment++)
            {
                text.Append(file).Append('-').Append(segment).Append('\n');
            }
        }

        var input = Read(text.Append("0\n").ToString());
        Assert.Equal(300, input.Owned.Count);
        Assert.All(input.Owned, file => Assert.Equal(1000, file.Hashes!.Count));
        Assert.Equal("299-999", Texts(input.Owned[299].Hashes!)[999]);
    }

    [Fact]
    public void Hashes_of_different_lengths_come_out_as_they_went_in() =>
        Assert.Equal(["a", "bcdef", "gh"], Texts(Read("1\nf 3\na\nbcdef\ngh\n0\n").Owned[0].Hashes!));

    [Theory]
    [InlineData("", "in1.txt:1: the file ends where the number of owned files should stand")]
    [InlineData("\n\n", "in1.txt:1: the file ends where the number of owned files should stand")]
    [InlineData("x\n", "in1.txt:1: the number of owned files is 'x', which is no number")]
    [InlineData("-1\n0\n", "in1.txt:1: the number of owned files is '-1', which is no number")]
    [InlineData("99999999999\n0\n", "in1.txt:1: the number of owned files is 99999999999; at most")]
    [InlineData("2\na 1\nx\n", "in1.txt:3: the file ends where the name of owned file 2 of 2 should stand")]
    [InlineData("1\na\n", "in1.txt:2: the file ends where the segment count of 'a' should stand")]
    [InlineData("1\na many\n", "in1.txt:2: the segment count of 'a' is 'many', which is no number")]
    [InlineData("1\na 99999999\n", "in1.txt:2: the segment count of 'a' is 99999999; at most")]
    [InlineData("1\na 5\nx\ny\n\n\n", "in1.txt:4: 'a' (line 2) promises 5 hashes, and the file ends after 2")]
    [InlineData("1\na 1\nx\n", "in1.txt:3: the file ends where the number of wanted files should stand")]
    [InlineData("1\na 3\nx\ny\n2\nb\nc\n", "in1.txt:6: the number of wanted files is 'b', which is no number")]
    [InlineData("0\n3\na\nb\n", "in1.txt:4: the file ends where the name of wanted file 3 of 3 should stand")]
    [InlineData("0\n1\n../secret\n", "in1.txt:3: the name of wanted file 1 of 1 is '../secret', which is no file name")]
    [InlineData("1\n.. 0\n0\n", "in1.txt:2: the name of owned file 1 of 1 is '..', which is no file name")]
    [InlineData("0\n1\n.a.shoal-part\n", "in1.txt:3: the name of wanted file 1 of 1 is '.a.shoal-part', as files are called that are not whole yet")]
    [InlineData("2\na 1\nx\na 1\ny\n0\n", "in1.txt:4: 'a' has other hashes than at line 2")]
    [InlineData("1\na auto\n0\n", "in1.txt:2: 'a auto' is of real files, which need --data")]
    public void An_error_names_file_and_line(string text, string error) =>
        Assert.StartsWith(error, Assert.Throws<JobException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_name_that_makes_no_file_name_is_refused()
    {
        var error = Assert.Throws<JobException>(() => Read($"0\n1\n{new string('n', 221)}\n"));
        Assert.StartsWith("in1.txt:3: the name of wanted file 1 of 1 has 221 bytes", error.Message, StringComparison.Ordinal);
        byte[] noText = [.. "0\n1\n"u8, 0xff];
        error = Assert.Throws<JobException>(() => JobInputReader.Read("in1.txt", noText, allowsAuto: false));
        Assert.Contains("in1.txt:3:", error.Message, StringComparison.Ordinal);
        Assert.Contains("is not UTF-8", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0\n1\na\nb\nc\n", "in1.txt:4: all from here on is more than the counts say, and ignored")]
    [InlineData("0\n2\na\na\n", "in1.txt:4: 'a' is wanted at line 3 already, and ignored here")]
    [InlineData("2\na 1\nx\na 1\nx\n1\na\n", "in1.txt:4: 'a' is owned as line 2 has it, and ignored here")]
    public void What_is_odd_and_does_no_harm_is_a_warning(string text, string warning)
    {
        var input = Read(text);
        Assert.Equal([warning], input.Warnings);
        Assert.Equal(["a"], input.Wanted.Select(file => file.Name));
    }

    [Fact]
    public void A_missing_input_is_named()
    {
        var folder = Directory.CreateTempSubdirectory("shoal-test-").FullName;
        var error = Assert.Throws<JobException>(() => JobInputReader.ReadFile(folder, 3, allowsAuto: false));
        Assert.Equal($"{folder}/in3.txt: there is no such file, and rank 3 needs it", error.Message);
        Directory.Delete(folder);
    }

    [Fact]
    public void Real_files_may_be_cut_and_hashed_by_their_rank()
    {
        var input = JobInputReader.Read("in1.txt", Encoding.UTF8.GetBytes("2\na auto\nb 1\nx\n0\n"), allowsAuto: true);
        Assert.Null(input.Owned[0].Hashes);
        Assert.Equal(["x"], Texts(input.Owned[1].Hashes!));
    }

    private static JobInput Read(string text) => JobInputReader.Read("in1.txt", Encoding.UTF8.GetBytes(text), allowsAuto: false);

    private static string[] Texts(SegmentHashes hashes) =>
        [.. Enumerable.Range(0, hashes.Count).Select(i => Encoding.UTF8.GetString(SegmentHashes.TextOf(hashes.RecordAt(i))))];
}
