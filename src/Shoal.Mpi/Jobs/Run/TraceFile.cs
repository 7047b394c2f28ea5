using System.Text;
using System.Text.Json;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>
/// Brings the traces of all ranks into one file on rank 0, in the order of time. Each rank writes to a temporary file of its
/// own node meanwhile, so no shared file system is needed.
/// </summary>
internal static class TraceFile
{
    private const int ChunkLength = 256 * 1024;

    /// <summary>A file for this rank's lines, gone when it is closed.</summary>
    public static FileStream Begin() => new(
        Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 64 * 1024, FileOptions.DeleteOnClose);

    /// <summary>Merges. All ranks must call, when no message is under way any more.</summary>
    /// <returns>Why the file could not be written, on rank 0; null if it was.</returns>
    public static string? Merge(MpiWorld world, FileStream mine, string path)
    {
        mine.Flush();
        mine.Position = 0;
        var heads = Enumerable.Range(0, world.Size).Select(_ => new Queue<(double Time, string Line)>()).ToArray();
        StreamWriter? output = null;
        string? failure = null;
        try
        {
            output = world.Rank == 0 ? new StreamWriter(path, append: false, new UTF8Encoding(false)) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            failure = $"cannot write '{path}': {error.Message}";
        }

        var buffer = new byte[ChunkLength];
        var pending = 0; // bytes of a line that was cut at the buffer's end
        while (true)
        {
            var length = pending + mine.ReadAtLeast(buffer.AsSpan(pending), buffer.Length - pending, throwOnEndOfStream: false);
            var lines = buffer.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
            var parts = world.Gather(buffer.AsSpan(0, lines));
            pending = length - lines;
            buffer.AsSpan(lines, pending).CopyTo(buffer);
            if (parts.All(part => part.Length == 0))
            {
                Write(output, heads, isLast: true);
                output?.Dispose();
                return failure;
            }

            for (var rank = 0; output is not null && rank < parts.Length; rank++)
            {
                foreach (var line in Encoding.UTF8.GetString(parts[rank]).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                {
                    heads[rank].Enqueue((TimeOf(line), line));
                }
            }

            // A rank that sent nothing now has nothing more.
            Write(output, [.. heads.Where((head, rank) => head.Count > 0 || parts[rank].Length > 0)], isLast: false);
        }
    }

    // The earliest line of all that are next in their rank, again and again, as long as no rank might bring an earlier one.
    private static void Write(StreamWriter? output, Queue<(double Time, string Line)>[] heads, bool isLast)
    {
        var queue = new PriorityQueue<Queue<(double Time, string Line)>, double>();
        foreach (var head in heads)
        {
            if (head.TryPeek(out var first))
            {
                queue.Enqueue(head, first.Time);
            }
        }

        while (output is not null && queue.TryDequeue(out var head, out _))
        {
            output.WriteLine(head.Dequeue().Line);
            if (head.TryPeek(out var next))
            {
                queue.Enqueue(head, next.Time);
            }
            else if (!isLast)
            {
                return;
            }
        }
    }

    private static double TimeOf(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("time").GetDouble();
    }
}
