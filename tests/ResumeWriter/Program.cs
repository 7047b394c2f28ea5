using System.Globalization;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.ResumeWriter;

/// <summary>
/// Plays a download that is killed: resumes what is there, then writes the missing pieces in random order, recording often.
/// Says on stdout, before it does it: <c>begun</c>, <c>write N</c>; and after: <c>recorded</c>, <c>done</c>. The
/// content is a function of the piece, so that whoever looks at it later knows what is right.
/// </summary>
public static class Program
{
    public static readonly IReadOnlyList<ContentFile> Files =
    [
        new("a", 1_500_000, 0),
        new("folder/b", 3, 1_500_000),
        new("folder/c", 5_000_001, 1_500_003),
        new("d", 1_888_604, 6_500_004),
    ];

    public static readonly PieceLayout Layout = new(8_388_608, 32 * 1024);

    public static readonly InfoHash InfoHash = new("kill -9 kill -9 kill"u8);

    public static byte[] ContentOf(PieceIndex piece)
    {
        var bytes = new byte[Layout.LengthOf(piece)];
        new Random(piece.Value).NextBytes(bytes);
        return bytes;
    }

    public static byte[] Hashes() => [.. Enumerable.Range(0, Layout.PieceCount).SelectMany(i =>
    {
        var hash = new byte[PieceHash.Sha1Length];
        PieceHasher.Hash(ContentOf(new PieceIndex(i))).WriteTo(hash);
        return hash;
    })];

    /// <summary>What a run does first: reads the record, plans, checks.</summary>
    public static async Task<(ResumePlan Plan, CheckResult Result)> ResumeAsync(PieceStore store, ResumeFile file, byte[] hashes)
    {
        var plan = ResumePlan.Make(Layout, Files, file.Load(out _), store.Survey());
        return (plan, await ContentChecker.CheckAsync(store, hashes, plan));
    }

    public static async Task Main(string[] args)
    {
        using var store = PieceStore.Open(Files, Layout, args[0], readOnly: false);
        var file = new ResumeFile(args[1], InfoHash, args[0]);
        var random = new Random(int.Parse(args[2], CultureInfo.InvariantCulture));
        var (_, found) = await ResumeAsync(store, file, Hashes());
        var policy = new ResumePolicy(TimeSpan.FromMilliseconds(random.Next(1, 30)), random.Next(1, 20) * Layout.PieceLength);
        var recorder = ResumeRecorder.Begin(store, file, InfoHash, found.Have, found.Partial, policy);
        Say("begun");
        int[] missing = [.. Enumerable.Range(0, Layout.PieceCount).Where(i => !found.Have[i])];
        random.Shuffle(missing);
        foreach (var index in missing)
        {
            var piece = new PieceIndex(index);
            var bytes = ContentOf(piece);
            var half = random.Next(1, bytes.Length);
            Say($"write {index}");
            store.Write(piece, 0, bytes.AsSpan(0, half));
            store.Write(piece, half, bytes.AsSpan(half));
            recorder.PieceWritten(piece);
            if (recorder.IsDue)
            {
                recorder.Record();
                Say("recorded");
            }
        }

        store.Finish();
        recorder.Stop();
        Say("done");
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
