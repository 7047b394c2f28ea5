using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Copying;

/// <summary>
/// What all ranks have agreed on before a byte moves: who takes part, who reads, what is copied and how it is cut.
/// Made by all ranks together; the same on each, but for what says "here".
/// </summary>
internal sealed class CopyPlan : IDisposable
{
    /// <summary>With fewer pieces they are the smallest: else some ranks wait for whole pieces at the beginning and at the end.</summary>
    private const int FewestPieces = 256;

    /// <summary>With more they are larger: telling of so many would cost something.</summary>
    private const int MostPieces = 16 * 1024;

    private const int SmallestPiece = 1 << 20;

    /// <summary>Costs least: with half as much the messages take a thirtieth of the processors' time.</summary>
    private const int BestPiece = 2 << 20;

    private const int LargestPiece = 16 << 20;
    private const int LargestBlock = 2 << 20;

    private CopyPlan(InfoHash job, SourceTree? source, DestinationTree destination)
    {
        Job = job;
        Hasher = new CopyHasher(job);
        Source = source;
        Destination = destination;
    }

    /// <summary>The ranks that get a copy, in order.</summary>
    public IReadOnlyList<int> Participants { get; private init; } = [];

    /// <summary>Those of them that read, in order.</summary>
    public IReadOnlyList<int> Readers { get; private init; } = [];

    /// <summary>Those of them that cannot even begin, each with the reason.</summary>
    public IReadOnlyDictionary<int, string> Broken { get; private init; } = new Dictionary<int, string>();

    /// <summary>All there is to copy.</summary>
    public Manifest Manifest { get; private init; } = new([]);

    /// <summary>Which torrent, so to speak: of this job only.</summary>
    public InfoHash Job { get; }

    /// <summary>Hashes its pieces.</summary>
    public CopyHasher Hasher { get; }

    /// <summary>The files that some participant lacks, in order: what the pieces are pieces of.</summary>
    public IReadOnlyList<ManifestEntry> Files { get; private init; } = [];

    /// <summary>Their places in the content.</summary>
    public IReadOnlyList<ContentFile> Places { get; private init; } = [];

    /// <summary>How they are cut.</summary>
    public PieceLayout Layout { get; private init; } = new(0, SmallestPiece);

    /// <summary>For each of <see cref="Files"/> whether it is right here already.</summary>
    public IReadOnlyList<bool> IsKept { get; private init; } = [];

    /// <summary>The sources here; null if they cannot be seen.</summary>
    public SourceTree? Source { get; }

    /// <summary>The destination here.</summary>
    public DestinationTree Destination { get; private set; }

    /// <summary>What was left out of the sources.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    public void Dispose() => Hasher.Dispose();

    /// <summary>The pieces that this rank reads.</summary>
    public PieceRange ShareOf(int rank)
    {
        var at = Readers.ToList().IndexOf(rank);
        if (at < 0)
        {
            return default;
        }

        var first = (int)((long)Layout.PieceCount * at / Readers.Count);
        return new PieceRange(new PieceIndex(first), (int)((long)Layout.PieceCount * (at + 1) / Readers.Count) - first);
    }

    /// <summary>
    /// Who reads the piece if this reader cannot: each reader that has a share has its turn, beginning with the one whose share the
    /// piece is of. Null if that was the last.
    /// </summary>
    public int? NextReader(PieceIndex piece, int rank)
    {
        int[] readers = [.. Readers.Where(reader => ShareOf(reader).Count > 0)];
        var next = readers[(Array.IndexOf(readers, rank) + 1) % readers.Length];
        var share = ShareOf(next);
        return piece.Value >= share.First.Value && piece.Value < share.End ? null : next;
    }

    /// <summary>The files of the sources here, for a rank that reads them. One that changes from now on is noticed by every read.</summary>
    public PieceStore OpenSource() => PieceStore.Open(
        [.. Places.Select((place, i) => place with { Path = Source!.PathOf(Files[i]).TrimStart('/') })], Layout, "/", readOnly: true);

    /// <summary>Makes the plan. All ranks must call.</summary>
    /// <exception cref="CopyException">On all ranks alike: there is nothing that could be copied.</exception>
    public static CopyPlan Make(MpiWorld world, CopyOptions options)
    {
        // Ranks that go about it in different ways would wait for each other for ever.
        if (world.FindDifference(options.InCommon) is { } difference)
        {
            throw new CopyException(difference);
        }

        var (source, blindness) = See(options.Sources);
        var root = options.DestinationOf(world.Rank);
        var seen = world.Gather([source is null ? (byte)0 : (byte)1, .. Encoding.UTF8.GetBytes(root)]);
        int[] participants = [.. Enumerable.Range(0, world.Size).Where(rank => !Enumerable.Range(0, rank).Any(
            lower => world.Leaders[lower] == world.Leaders[rank] && seen[lower].AsSpan(1).SequenceEqual(seen[rank].AsSpan(1))))];
        int[] sighted = [.. participants.Where(rank => seen[rank][0] != 0)];
        if (sighted.Length == 0)
        {
            throw new CopyException(First(world.Gather(Encoding.UTF8.GetBytes(blindness ?? ""))));
        }

        var (manifest, job, warnings) = Share(world, sighted[0], source);
        var readers = ChooseReaders(world, sighted, options.ReaderCount, source, manifest);
        return Cut(world, options, new DestinationTree(root, manifest), source, manifest, job, participants, readers, warnings);
    }

    private static CopyPlan Cut(
        MpiWorld world, CopyOptions options, DestinationTree destination, SourceTree? source, Manifest manifest, InfoHash job,
        int[] participants, int[] readers, IReadOnlyList<string> warnings)
    {
        ManifestEntry[] files = [.. manifest.Entries.Where(entry => entry.Kind == EntryKind.File)];
        var isRight = files.Select(file => !options.ChecksAll && destination.IsRight(file)).ToArray();
        var wrong = participants.Contains(world.Rank) ? Prepare(destination) : null;
        var states = world.Gather(wrong is null
            ? [1, .. isRight.Select(right => right ? (byte)1 : (byte)0)]
            : [0, .. Encoding.UTF8.GetBytes(wrong)]);
        var broken = participants.Where(rank => states[rank][0] == 0)
            .ToDictionary(rank => rank, rank => Encoding.UTF8.GetString(states[rank].AsSpan(1)));
        int[] lacking = [.. Enumerable.Range(0, files.Length).Where(
            file => participants.Any(rank => states[rank][0] != 0 && states[rank][1 + file] == 0))];
        var places = new List<ContentFile>();
        var offset = 0L;
        foreach (var file in lacking)
        {
            places.Add(new ContentFile(files[file].Path, files[file].Length, offset));
            offset += files[file].Length;
        }

        var pieceLength = options.PieceLength ?? PieceLengthFor(offset);
        return new CopyPlan(job, source, destination)
        {
            Participants = participants,
            Readers = readers,
            Broken = broken,
            Manifest = manifest,
            Files = [.. lacking.Select(file => files[file])],
            Places = places,
            Layout = new PieceLayout(offset, pieceLength, Math.Min(LargestBlock, pieceLength)),
            IsKept = [.. lacking.Select(file => isRight[file])],
            Warnings = warnings,
        };
    }

    private static int PieceLengthFor(long totalLength) =>
        (int)Math.Clamp(
            (long)BitOperations.RoundUpToPowerOf2((ulong)(totalLength / MostPieces)),
            totalLength < (long)FewestPieces * BestPiece ? SmallestPiece : BestPiece,
            LargestPiece);

    private static (SourceTree? Source, string? Reason) See(IReadOnlyList<string> sources)
    {
        try
        {
            return (new SourceTree(sources), null);
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
        {
            return (null, error.Message);
        }
    }

    private static string? Prepare(DestinationTree destination)
    {
        try
        {
            destination.MakeFolders();
            return null;
        }
        catch (StorageException error)
        {
            return error.Message;
        }
    }

    // One rank lists the sources for all: a file system that all share is asked once.
    private static (Manifest Manifest, InfoHash Job, IReadOnlyList<string> Warnings) Share(MpiWorld world, int scanner, SourceTree? source)
    {
        var warnings = new List<string>();
        byte[] message = [];
        if (world.Rank == scanner)
        {
            try
            {
                message = [1, .. RandomNumberGenerator.GetBytes(InfoHash.Length), .. source!.Scan(warnings.Add).Encode()];
            }
            catch (StorageException error)
            {
                message = [0, .. Encoding.UTF8.GetBytes(error.Message)];
            }
        }

        message = world.Broadcast(scanner, message);
        return message[0] == 0
            ? throw new CopyException(Encoding.UTF8.GetString(message.AsSpan(1)))
            : (Manifest.Decode(message[(1 + InfoHash.Length)..]), new InfoHash(message.AsSpan(1, InfoHash.Length)), warnings);
    }

    // One of each node first: then each reads over a network card of its own.
    private static int[] ChooseReaders(MpiWorld world, int[] sighted, int count, SourceTree? source, Manifest manifest)
    {
        var order = new long[sighted.Length]; // by the turn within the node, then by rank
        var turns = new Dictionary<int, int>();
        for (var i = 0; i < sighted.Length; i++)
        {
            var node = world.Leaders[sighted[i]];
            var turn = turns.GetValueOrDefault(node);
            (order[i], turns[node]) = (((long)turn << 32) | (uint)sighted[i], turn + 1);
        }

        Array.Sort(order);
        var chosen = new List<int>();
        foreach (var key in order.AsSpan(0, Math.Min(count, order.Length)))
        {
            chosen.Add((int)key);
        }

        // The one who listed the sources has them; another's may be others under the same name.
        var isSame = world.Rank == sighted[0] || (chosen.Contains(world.Rank) && source!.FindDifference(manifest) is null);
        var agreed = world.Gather([isSame ? (byte)1 : (byte)0]);
        return [.. chosen.Append(sighted[0]).Distinct().Where(rank => agreed[rank][0] != 0).Order()];
    }

    private static string First(byte[][] reasons) => reasons.Select(bytes => Encoding.UTF8.GetString(bytes)).First(reason => reason.Length > 0);
}

/// <summary>Nothing could be copied, for a reason that all ranks know. The message is one line for the user.</summary>
public sealed class CopyException(string message) : Exception(message);
