namespace Shoal.Mpi.Jobs.Files;

/// <summary>
/// Writes <c>client&lt;R&gt;_&lt;name&gt;</c>: a file's hashes in order, one per line. Under a temporary name until it is
/// whole, so that nobody takes half a file for the result.
/// </summary>
public static class SegmentOutput
{
    /// <summary>Where a rank's copy of the file goes.</summary>
    public static string PathOf(string folder, int rank, string name) => Path.Combine(folder, $"client{rank}_{name}");

    /// <summary>Writes what came: records as <see cref="SegmentHashes"/> has them.</summary>
    /// <exception cref="JobException">The disk refused it.</exception>
    public static void Write(string path, ReadOnlySpan<byte> records, int width)
    {
        // A name that is no result's: 'client2_a.part' might be what came of a file 'a.part'.
        var temporary = Path.Combine(Path.GetDirectoryName(path) ?? "", $".{Path.GetFileName(path)}{JobInputReader.TemporarySuffix}");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                for (; !records.IsEmpty; records = records[width..])
                {
                    stream.Write(SegmentHashes.TextOf(records[..width]));
                    stream.WriteByte((byte)'\n');
                }
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new JobException($"cannot write '{path}': {error.Message}", JobFailure.Partial);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It says by its name what it is.
        }
    }
}
