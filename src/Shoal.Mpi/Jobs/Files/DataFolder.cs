using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Jobs.Files;

/// <summary>
/// One rank's real files: those it owns, and those that arrive, under a temporary name until they are whole. Invariant: what
/// bears its final name here was there before the job, or is whole, verified and on disk.
/// </summary>
public sealed class DataFolder(string folder, string output, int segmentLength)
{
    /// <summary>The largest segment: two of each file that arrives are held in memory.</summary>
    public const int MaximumSegmentLength = 16 * 1024 * 1024;

    private const int CompareLength = 128 * 1024;

    /// <summary>Where the file lies, or will lie, that the rank gets.</summary>
    public string TargetOf(string name) => Path.Combine(output, name);

    /// <summary>Opens a file that the rank owns, and hashes it.</summary>
    /// <exception cref="JobException">It cannot be read, or is not what the input says.</exception>
    public (PieceStore Store, byte[] Hashes) OpenOwned(JobInput input, OwnedFile file, CancellationToken stop)
    {
        var path = Path.Combine(folder, file.Name);
        try
        {
            var length = new FileInfo(path) is { Exists: true } info ? info.Length
                : throw new JobException(input.At(file.Line, $"there is no '{path}', which this rank owns"));
            if (info.LinkTarget is null && !ContentScanner.IsRegular(path))
            {
                throw new JobException(input.At(file.Line, $"'{path}', which this rank owns, is not a file that has bytes"));
            }

            var layout = LayoutOf(input, file, length);
            var store = PieceStore.Open([new ContentFile(file.Name, length, 0)], layout, folder, readOnly: true);
            var sums = ContentHasher.HashAsync(store, null, stop).GetAwaiter().GetResult();
            RequireSame(input, file, path, SegmentHashes.FromSha1(sums));
            return (store, sums);
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
        {
            throw new JobException(input.At(file.Line, error.Message), JobFailure.Environment);
        }
    }

    /// <summary>
    /// Opens a file to get, and checks what is there of it. It is complete at once if it lies whole under its own name.
    /// </summary>
    /// <exception cref="StorageException">The disk failed.</exception>
    public (PieceStore Store, Bitfield Have) OpenWanted(string name, PieceLayout layout, ReadOnlyMemory<byte> pieceHashes)
    {
        if (File.Exists(TargetOf(name)))
        {
            var finished = Open(name, layout, readOnly: true);
            var found = Check(finished, pieceHashes);
            if (found.IsFull && new FileInfo(TargetOf(name)).Length == layout.TotalLength)
            {
                return (finished, found);
            }

            finished.Dispose();
        }

        var store = Open(TemporaryOf(name), layout, readOnly: false);
        return (store, layout.PieceCount == 0 ? new Bitfield(0) : Check(store, pieceHashes));
    }

    /// <summary>Gives a file that is whole its name, once it is safe on disk. Blocks.</summary>
    /// <returns>The store to go on serving from.</returns>
    /// <exception cref="StorageException">The disk failed.</exception>
    public PieceStore Finish(string name, PieceStore store)
    {
        if (store.IsReadOnly)
        {
            return Keep(name, store);
        }

        store.Finish();
        try
        {
            File.Move(Path.Combine(output, TemporaryOf(name)), TargetOf(name), overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"cannot rename to '{TargetOf(name)}': {error.Message}", error);
        }

        return Open(name, store.Layout, readOnly: true);
    }

    // It was there, whole; but perhaps results are wanted elsewhere, where anything may lie under its name.
    private PieceStore Keep(string name, PieceStore store)
    {
        var source = Path.Combine(store.Root, name);
        try
        {
            if (Path.GetFullPath(source) != Path.GetFullPath(TargetOf(name)) && !AreSame(source, TargetOf(name)))
            {
                Directory.CreateDirectory(output);
                var temporary = Path.Combine(output, TemporaryOf(name));
                File.Copy(source, temporary, overwrite: true);
                using (var written = File.OpenHandle(temporary, FileMode.Open, FileAccess.ReadWrite))
                {
                    RandomAccess.FlushToDisk(written);
                }

                File.Move(temporary, TargetOf(name), overwrite: true);
            }

            return store;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"cannot write '{TargetOf(name)}': {error.Message}", error);
        }
    }

    private static bool AreSame(string source, string target)
    {
        if (!File.Exists(target))
        {
            return false;
        }

        using var one = File.OpenRead(source);
        using var other = File.OpenRead(target);
        if (one.Length != other.Length)
        {
            return false;
        }

        var (left, right) = (new byte[CompareLength], new byte[CompareLength]);
        int count;
        do
        {
            count = one.ReadAtLeast(left, CompareLength, throwOnEndOfStream: false);
            if (other.ReadAtLeast(right, CompareLength, throwOnEndOfStream: false) != count || !left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count)))
            {
                return false;
            }
        }
        while (count == CompareLength);

        return true;
    }

    private static string TemporaryOf(string name) => $".{name}{JobInputReader.TemporarySuffix}";

    private static Bitfield Check(PieceStore store, ReadOnlyMemory<byte> pieceHashes) =>
        ContentChecker.CheckAsync(store, pieceHashes, ResumePlan.Make(store.Layout, store.Files, null, store.Survey()))
            .GetAwaiter().GetResult().Have;

    private PieceStore Open(string name, PieceLayout layout, bool readOnly) =>
        PieceStore.Open([new ContentFile(name, layout.TotalLength, 0)], layout, output, readOnly);

    private PieceLayout LayoutOf(JobInput input, OwnedFile file, long length)
    {
        var count = (length + segmentLength - 1) / segmentLength;
        return count > JobInputReader.MaximumSegmentCount ? throw new JobException(input.At(file.Line, $"'{file.Name}' would have {count} segments; at most {JobInputReader.MaximumSegmentCount} are taken: use a larger --segment"))
            : file.Hashes is { } listed && listed.Count != count ? throw new JobException(input.At(
                file.Line, $"'{file.Name}' has {listed.Count} segments here, but {length} bytes on disk, which make {count} of {segmentLength} bytes (see --segment)"))
            : new PieceLayout(length, segmentLength, segmentLength);
    }

    private static void RequireSame(JobInput input, OwnedFile file, string path, SegmentHashes hashes)
    {
        if (file.Hashes is not { } listed)
        {
            return;
        }

        if (!listed.TryToSha1(out var sums, out var wrong))
        {
            throw new JobException(input.At(file.HashLines[wrong], $"segment {wrong + 1} of '{file.Name}' has no SHA-1 of 40 hexadecimal digits"));
        }

        if (SegmentHashes.FromSha1(sums) is var same && !same.Equals(hashes))
        {
            var first = Enumerable.Range(0, hashes.Count).First(i => !same.RecordAt(i).SequenceEqual(hashes.RecordAt(i)));
            throw new JobException(input.At(file.HashLines[first], $"segment {first + 1} of '{file.Name}' has another SHA-1 than '{path}' has there"));
        }
    }
}
