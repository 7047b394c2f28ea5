using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>The journal on real files: cut, damaged, locked and rewritten.</summary>
public sealed class JournalTests : IDisposable
{
    private const string Head = "shoal catalogue 1\n";

    private readonly Workplace _place = new();

    private string Path => _place.At("journal");

    public void Dispose() => _place.Dispose();

    [Fact]
    public void What_was_appended_is_there_after_reopening()
    {
        CatalogueChange[] changes =
        [
            Samples.Published("models/a", 1, 1, long.MaxValue),
            Samples.Published("Größe \"1\" 100% <b>&", 1, 2),
            new(Samples.Entry("😀/" + new string('\uE000', 340), 1, 3) with { PublishedBy = "the \"CI\" \u2028" }),
            Samples.Removed("models/a", 1, 1, 4),
            Samples.Removed("Größe \"1\" 100% <b>&", null, 7, 5),
            new(Reached: 9),
        ];
        using (var journal = Open([]))
        {
            journal.Append(changes[..1]);
            journal.Append(changes[1..4]);
        }

        using (var journal = Open(changes[..4]))
        {
            Assert.Equal(0, journal.TornLength);
            journal.Append(changes[4..]);
            Assert.Equal(6, journal.LineCount);
        }

        Open(changes).Dispose();
    }

    [Fact]
    public void More_than_a_buffer_of_lines_is_read_back()
    {
        CatalogueChange[] changes = [.. Enumerable.Range(1, 20_000).Select(i => Samples.Published($"some/longer/name/so/that/it/fills/{i}", 1, i))];
        using (var journal = Open([]))
        {
            foreach (var some in changes.Chunk(3000))
            {
                journal.Append(some);
            }
        }

        Assert.True(new FileInfo(Path).Length > 3 << 20);
        Open(changes).Dispose();
    }

    [Fact]
    public void Cut_at_any_byte_of_its_last_line_it_opens_with_all_before_and_takes_more()
    {
        var (whole, ends) = Write(Four());
        for (var cut = ends[2]; cut < whole.Length; cut++)
        {
            File.WriteAllBytes(Path, whole[..cut]);
            CatalogueChange[] more = [Samples.Published("new", 1, 5)];
            using (var journal = Open(Four()[..3]))
            {
                Assert.Equal(cut - ends[2], journal.TornLength);
                journal.Append(more);
            }

            Open([.. Four()[..3], .. more]).Dispose();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData('x')]
    [InlineData('\n')]
    public void What_a_crash_left_behind_the_last_line_is_cut_off_be_it_large(int value)
    {
        var (whole, _) = Write(Four());
        var rubbish = new byte[3 << 20];
        Array.Fill(rubbish, (byte)value);
        File.WriteAllBytes(Path, [.. whole, .. rubbish]);
        using (var journal = Open(Four()))
        {
            Assert.Equal(rubbish.Length, journal.TornLength);
        }

        Assert.Equal(whole, File.ReadAllBytes(Path));
    }

    [Fact]
    public void A_damaged_byte_before_whole_lines_is_refused_with_the_line_and_nothing_is_changed()
    {
        var (whole, ends) = Write(Four());
        for (var at = ends[0]; at < ends[1] - 1; at++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[at] ^= 1;
            AssertRefused(damaged, "line 3 of the catalogue");
        }

        // Two lines run together, and rubbish as long as many lines between two.
        AssertRefused([.. whole[..(ends[1] - 1)], .. whole[ends[1]..]], "line 3 of the catalogue");
        AssertRefused([.. whole[..ends[0]], .. new byte[2 << 20], (byte)'\n', .. whole[ends[0]..]], "line 3 of the catalogue");
    }

    [Theory]
    [InlineData("hello\n")]
    [InlineData("shoal catalogue 2\n")]
    [InlineData("shoal cat\n")]
    [InlineData("\0\0\0\0")]
    [InlineData("SQLite format 3\0 and much more behind it")]
    public void Another_file_is_refused_and_left_as_it_is(string content) =>
        AssertRefused(System.Text.Encoding.UTF8.GetBytes(content), $"'{Path}' is not a catalogue's journal");

    [Fact]
    public void A_file_that_ends_within_its_head_is_an_empty_journal()
    {
        for (var length = 0; length <= Head.Length; length++)
        {
            File.WriteAllText(Path, Head[..length]);
            using (var journal = Open([]))
            {
                Assert.Equal(0, journal.TornLength);
                journal.Append(Four());
            }

            Open(Four()).Dispose();
        }
    }

    [Fact]
    public void Who_opens_it_second_is_told_that_it_is_in_use()
    {
        using var first = Open([]);
        var error = Assert.Throws<CatalogueException>(() => Open([]));
        Assert.Equal($"the catalogue '{Path}' is in use by another tracker", error.Message);
        first.Rewrite(Four());
        Assert.Equal(error.Message, Assert.Throws<CatalogueException>(() => Open(Four())).Message);
        first.Append([Samples.Published("new", 1, 5)]);
        first.Dispose();
        Open([.. Four(), Samples.Published("new", 1, 5)]).Dispose();
    }

    [Fact]
    public void Where_no_file_can_be_it_says_so()
    {
        Directory.CreateDirectory(Path);
        Assert.StartsWith($"cannot open the catalogue '{Path}': ", Assert.Throws<CatalogueException>(() => Open([])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rewritten_journal_has_what_it_was_told_and_takes_more_whatever_lay_in_the_way()
    {
        File.WriteAllText(Path + ".new", "half a journal, and longer than the whole one: " + new string('x', 100_000));
        using (var journal = Open([]))
        {
            journal.Append(Four());
            journal.Rewrite(Four()[2..]);
            Assert.Equal(2, journal.LineCount);
            journal.Append([Samples.Published("new", 1, 5)]);
            journal.Rewrite(Four()[3..]);
            journal.Append([Samples.Published("new", 2, 6)]);
        }

        Open([Four()[3], Samples.Published("new", 2, 6)]).Dispose();
        Assert.False(File.Exists(Path + ".new"));
    }

    [Fact]
    public async Task On_a_full_disk_nothing_is_acknowledged_or_lost_and_it_goes_on_once_there_is_room()
    {
        var small = _place.At("small");
        Directory.CreateDirectory(small);
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small),
            "a disk can be filled only where a tmpfs may be mounted (root)");
        try
        {
            var path = System.IO.Path.Combine(small, "journal");
            var filler = System.IO.Path.Combine(small, "filler");
            File.WriteAllBytes(filler, new byte[128 << 10]);
            var acknowledged = new List<CatalogueChange>();
            using (var journal = Journal.Open(path, _ => { }))
            {
                // Lines of many lengths, so that the disk is full in the middle of one.
                while (TryAppend(journal, acknowledged, 37))
                {
                }

                var full = await Unlocked.ReadAsync(path);
                Assert.False(TryAppend(journal, acknowledged, 37));
                Assert.Equal(full, await Unlocked.ReadAsync(path));
                Assert.Throws<CatalogueException>(() => journal.Rewrite(acknowledged));
                Assert.Equal(full, await Unlocked.ReadAsync(path));
                Assert.False(File.Exists(path + ".new"), "what could not be written takes room on a full disk");
                File.Delete(filler);
                Assert.True(TryAppend(journal, acknowledged, 37));
                Assert.True(TryAppend(journal, acknowledged, 1));
            }

            var found = new List<CatalogueChange>();
            using (var journal = Journal.Open(path, found.Add))
            {
                Assert.Equal(0, journal.TornLength);
            }

            Assert.Equal(acknowledged, found);
        }
        finally
        {
            Run("umount", small);
        }
    }

    private static bool TryAppend(Journal journal, List<CatalogueChange> acknowledged, int count)
    {
        CatalogueChange[] changes = [.. Enumerable.Range(acknowledged.Count + 1, count).Select(i => Samples.Published($"name {i}", 1, i))];
        try
        {
            journal.Append(changes);
            acknowledged.AddRange(changes);
            return true;
        }
        catch (CatalogueException error)
        {
            Assert.StartsWith("cannot write the catalogue", error.Message, StringComparison.Ordinal);
            return false;
        }
    }

    private static bool Run(params string[] command)
    {
        using var process = System.Diagnostics.Process.Start(command[0], command[1..]);
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private static CatalogueChange[] Four() =>
    [
        Samples.Published("a", 1, 1), Samples.Published("ä", 1, 2), Samples.Removed("a", 1, 1, 3), Samples.Published("a", 2, 4),
    ];

    private Journal Open(CatalogueChange[] expected)
    {
        var found = new List<CatalogueChange>();
        var journal = Journal.Open(Path, found.Add);
        Assert.Equal(expected, found);
        Assert.Equal(expected.Length, journal.LineCount);
        return journal;
    }

    // The file, and where each of its lines ends, without the head.
    private (byte[] Bytes, int[] Ends) Write(CatalogueChange[] changes)
    {
        using (var journal = Open([]))
        {
            journal.Append(changes);
        }

        var bytes = File.ReadAllBytes(Path);
        return (bytes, [.. Enumerable.Range(Head.Length, bytes.Length - Head.Length).Where(i => bytes[i] == '\n').Select(i => i + 1)]);
    }

    private void AssertRefused(byte[] content, string message)
    {
        File.WriteAllBytes(Path, content);
        var error = Assert.Throws<CatalogueException>(() => Journal.Open(Path, _ => { }));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllBytes(Path));
    }
}
