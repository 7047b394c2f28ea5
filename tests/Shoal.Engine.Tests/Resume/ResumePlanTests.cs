using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal.Engine.Tests.Resume;

/// <summary>
/// Plans as pictures: a letter a piece. What was recorded: <c>#</c> had, <c>.</c> not. What the plan says: <c>T</c>rust,
/// <c>C</c>heck, <c>H</c>ole, <c>-</c> absent. Pieces have 10 bytes; the files 35, 5 of padding, and 40.
/// </summary>
public class ResumePlanTests
{
    private static readonly PieceLayout Layout = new(80, 10, 5);

    private static readonly ContentFile[] Files =
    [
        new("a", 35, 0), new("pad", 5, 35, ContentAttributes.Padding), new("b", 40, 40), new("empty", 0, 80),
    ];

    private static readonly FileFacts A = new(35, 1000);
    private static readonly FileFacts B = new(40, 2000);

    private static FileOnDisk Disk(FileFacts facts, params (long Offset, long Length)[]? extents) =>
        new(facts, extents is null ? null : [.. extents.Select(extent => new DataExtent(extent.Offset, extent.Length))]);

    private static ResumeData Record(bool clean, string have, FileFacts? a = null, FileFacts? b = null)
    {
        var bits = new Bitfield(8);
        for (var i = 0; i < 8; i++)
        {
            if (have[i] == '#')
            {
                bits.Set(i);
            }
        }

        var blocks = new Bitfield(2);
        blocks.Set(1);
        return new ResumeData
        {
            InfoHash = default,
            Layout = Layout,
            IsClean = clean,
            Have = bits,
            Files = [a ?? A, FileFacts.Missing, b ?? B, FileFacts.Missing],
            Partial = new Dictionary<PieceIndex, Bitfield> { [new PieceIndex(7)] = blocks },
        };
    }

    private static ResumePlan Plan(ResumeData? record, FileOnDisk a, FileOnDisk b) =>
        ResumePlan.Make(Layout, Files, record, [a, FileOnDisk.Missing, b, FileOnDisk.Missing]);

    private static string Show(ResumePlan plan) =>
        string.Concat(Enumerable.Range(0, plan.PieceCount).Select(i => "-HCT"[(int)plan[new PieceIndex(i)]]));

    [Fact]
    public void Without_a_record_whatever_has_data_is_checked() =>
        Assert.Equal("CHCHCC--", Show(Plan(null, Disk(A, (3, 1), (20, 5)), Disk(B with { Length = 25 }, (0, 19)))));

    [Fact]
    public void Where_extents_are_not_told_all_that_exists_is_checked() =>
        Assert.Equal("CCCCCC--", Show(Plan(null, Disk(A, null), Disk(B with { Length = 20 }, null))));

    [Fact]
    public void Without_files_nothing_is_there() =>
        Assert.Equal("--------", Show(Plan(Record(clean: false, "########"), FileOnDisk.Missing, FileOnDisk.Missing)));

    [Fact]
    public void A_clean_record_of_untouched_files_is_trusted_in_all_it_says() =>
        Assert.Equal("T-T-T-T-", Show(Plan(Record(clean: true, "#.#.#.#."), Disk(A, (0, 35)), Disk(B, (0, 40)))));

    [Theory]
    [InlineData(35, 1001)]
    [InlineData(35, 999)]
    [InlineData(36, 1000)]
    public void A_clean_record_is_not_trusted_about_a_file_that_is_otherwise(long length, long modified) =>
        Assert.Equal("CCCCT-T-", Show(Plan(Record(clean: true, "#.#.#.#."), Disk(new FileFacts(length, modified), (0, 35)), Disk(B, (0, 40)))));

    [Fact]
    public void After_a_kill_what_was_recorded_is_trusted_and_what_data_fills_is_checked() =>
        Assert.Equal("TCT-T-CH", Show(Plan(Record(clean: false, "#.#.#..."), Disk(new FileFacts(35, 1500), (0, 33)), Disk(B, (0, 15), (20, 10)))));

    [Theory]
    [InlineData(40, 1999, "CCCC")]
    [InlineData(39, 2000, "CCC-")]
    [InlineData(15, 2000, "C---")]
    public void After_a_kill_a_file_that_is_older_or_shorter_is_checked(long length, long modified, string expected) =>
        Assert.Equal("TTTT" + expected, Show(Plan(Record(clean: false, "########"), Disk(A, (0, 35)), Disk(new FileFacts(length, modified), (0, length)))));

    [Fact]
    public void A_file_that_came_after_the_record_is_checked() =>
        Assert.Equal("----CC--", Show(Plan(
            Record(clean: false, "........", FileFacts.Missing, FileFacts.Missing), FileOnDisk.Missing, Disk(new FileFacts(25, 9), (0, 25)))));

    [Fact]
    public void A_record_of_another_cut_counts_as_none() =>
        Assert.Equal("CCCCCCCC", Show(Plan(
            Record(clean: true, "########") with { Layout = new PieceLayout(80, 10, 10) }, Disk(A, null), Disk(B, null))));

    [Fact]
    public void Partial_blocks_live_on_only_while_their_files_are_as_recorded()
    {
        Assert.True(Plan(Record(clean: true, "........"), Disk(A), Disk(B)).Partial[new PieceIndex(7)][1]);
        Assert.Empty(Plan(Record(clean: true, "........"), Disk(A), Disk(B with { ModifiedNanoseconds = 1 })).Partial);
        Assert.Empty(Plan(null, Disk(A), Disk(B)).Partial);
    }
}
