using System.Diagnostics;
using System.Globalization;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Runtime.Storage;
using Writer = Shoal.ResumeWriter.Program;

namespace Shoal.Runtime.Tests.Storage;

public class KillTests(ITestOutputHelper output)
{
    private const int KillCount = 50;

    [Fact]
    public async Task After_a_kill_at_any_instant_nothing_wrong_is_trusted_and_only_what_was_not_yet_recorded_is_hashed_again()
    {
        using var folder = new TempFolder();
        var random = new Random(20);
        var hashes = Writer.Hashes();
        var (round, hashedAgain, trusted, interrupted) = (0, 0L, 0, 0);
        var inDoubt = new HashSet<int>(); // a piece that a kill tore in its last disk block looks written until it is
        for (var kill = 0; kill < KillCount; kill++)
        {
            var root = folder[$"root {round}"];
            var unrecorded = await RunAndKillAsync(root, folder["state"], kill, random.Next(60));
            using var store = PieceStore.Open(Writer.Files, Writer.Layout, root, readOnly: false);
            var (plan, result) = await Writer.ResumeAsync(store, new ResumeFile(folder["state"], Writer.InfoHash, root), hashes);
            AssertRight(root, plan, result);
            inDoubt.UnionWith(unrecorded);
            Assert.True(
                result.HashedBytes <= (long)inDoubt.Count * Writer.Layout.PieceLength || plan.CountOf(PieceVerdict.Trust) == 0,
                $"kill {kill}: {result.HashedBytes} bytes hashed again, {inDoubt.Count} pieces were not recorded");
            inDoubt.RemoveWhere(piece => result.Have[piece]);
            hashedAgain += result.HashedBytes;
            trusted += plan.CountOf(PieceVerdict.Trust);
            interrupted += unrecorded.Count > 0 ? 1 : 0;
            if (result.Have.IsFull)
            {
                round++;
                inDoubt.Clear();
            }
        }

        output.WriteLine($"{KillCount} kills, {interrupted} amid unrecorded pieces, {round} downloads completed; " +
            $"{trusted} pieces trusted, {hashedAgain / Writer.Layout.PieceLength} hashed again");
        Assert.True(interrupted > KillCount / 4, "the kills came at idle moments");
        Assert.True(trusted > 0 && round > 0);
    }

    /// <summary>Returns the pieces whose writing had begun since the last record that the writer reported.</summary>
    private static async Task<HashSet<int>> RunAndKillAsync(string root, string state, int seed, int milliseconds)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "ResumeWriter.dll"), root, state, seed.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using var process = Process.Start(start)!;
        var unrecorded = new HashSet<int>();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line == "begun")
            {
                _ = KillAfterAsync(process, milliseconds);
            }
            else if (line.StartsWith("write ", StringComparison.Ordinal))
            {
                unrecorded.Add(int.Parse(line.AsSpan(6), CultureInfo.InvariantCulture));
            }
            else
            {
                unrecorded.Clear();
            }
        }

        await process.WaitForExitAsync();
        return unrecorded;
    }

    private static async Task KillAfterAsync(Process process, int milliseconds)
    {
        await Task.Delay(milliseconds);
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It was faster.
        }
    }

    // Looks at the files with nothing of the store's.
    private static void AssertRight(string root, ResumePlan plan, CheckResult result)
    {
        var content = new byte[Writer.Layout.TotalLength];
        foreach (var file in Writer.Files.Where(file => File.Exists(Path.Combine(root, file.Path))))
        {
            var bytes = File.ReadAllBytes(Path.Combine(root, file.Path));
            bytes.CopyTo(content, file.Offset);
        }

        for (var i = 0; i < Writer.Layout.PieceCount; i++)
        {
            var piece = new PieceIndex(i);
            if (result.Have[i] || plan[piece] == PieceVerdict.Trust)
            {
                Assert.True(
                    content.AsSpan((int)Writer.Layout.OffsetOf(piece), Writer.Layout.LengthOf(piece)).SequenceEqual(Writer.ContentOf(piece)),
                    $"piece {i} is wrong, but was {plan[piece]}");
            }
        }
    }
}
