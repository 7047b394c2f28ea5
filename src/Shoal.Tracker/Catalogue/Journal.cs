using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Shoal.Runtime.Storage;

namespace Shoal.Tracker.Catalogue;

/// <summary>The catalogue cannot be read or written; the message is one line for the user.</summary>
public sealed class CatalogueException : Exception
{
    /// <summary>With a message.</summary>
    public CatalogueException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>Whether it is the catalogue that does not want what it was asked for, and no fault: to ask again is of no use.</summary>
    public bool IsRefusal { get; init; }
}

/// <summary>
/// All changes of a catalogue, in order, in one file that only grows: a line for each, eight digits of its checksum (CRC-32C) and the
/// change as JSON. What <see cref="Append"/> returned from is on the disk. A last line that is not whole was never acknowledged, and is cut
/// off when the file is opened; a damaged line before whole ones is refused, for it may have been. One user at a time.
/// </summary>
internal sealed class Journal : IDisposable
{
    private const int ChecksumLength = 9; // and a space
    private const int MaximumLineLength = 64 * 1024;

    private static readonly byte[] Head = "shoal catalogue 1\n"u8.ToArray();

    private readonly string _path;
    private FileStream _file;
    private long _length;
    private string? _failure;

    private Journal(string path, FileStream file)
    {
        _path = path;
        _file = file;
    }

    /// <summary>Lines in the file.</summary>
    public long LineCount { get; private set; }

    /// <summary>Whether a disk lost something: until it is opened anew, nobody knows what the file says.</summary>
    public bool IsUnknown => _failure is not null;

    /// <summary>Bytes of a last line that was not whole, and so was cut off when the file was opened.</summary>
    public long TornLength { get; private set; }

    /// <summary>Opens the file, or makes it, and hands over all that is in it, in order.</summary>
    /// <exception cref="CatalogueException">It cannot be read or written, another tracker has it open, or it is damaged.</exception>
    public static Journal Open(string path, Action<CatalogueChange> replay)
    {
        FileStream? file = null;
        try
        {
            var isNew = !File.Exists(path);
            file = OpenFile(path);
            var journal = new Journal(path, file);
            journal.Replay(replay);
            if (isNew)
            {
                ContentFolder.SyncFolder(Path.GetDirectoryName(path)!);
            }

            return journal;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StorageException)
        {
            file?.Dispose();
            throw new CatalogueException(
                error is IOException && IsLocked(error) ? $"the catalogue '{path}' is in use by another tracker" : $"cannot open the catalogue '{path}': {error.Message}", error);
        }
        catch (CatalogueException)
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>Writes the changes behind all others and returns when they are on the disk.</summary>
    /// <exception cref="CatalogueException">They are not: none of them, unless a disk says that it lost what it had taken.</exception>
    public void Append(IReadOnlyList<CatalogueChange> changes)
    {
        if (_failure is not null)
        {
            throw new CatalogueException(_failure);
        }

        var bytes = Lines(changes);
        try
        {
            _file.Position = _length;
            _file.Write(bytes.WrittenSpan);
            _file.Flush();
        }
        catch (IOException error)
        {
            CutBack();
            throw new CatalogueException($"cannot write the catalogue '{_path}': {error.Message}", error);
        }

        try
        {
            RandomAccess.FlushToDisk(_file.SafeFileHandle);
        }
        catch (IOException error)
        {
            // After a failed sync nobody knows what is on the disk, and a second one would say that all is well.
            _failure = $"the disk lost what was written to the catalogue '{_path}': {error.Message}; restart the tracker when it is mended";
            throw new CatalogueException(_failure, error);
        }

        _length += bytes.WrittenCount;
        LineCount += changes.Count;
    }

    /// <summary>Puts a file in place of this one that holds these changes only. Whole or not at all.</summary>
    /// <exception cref="CatalogueException">It could not be written; the old one is as it was.</exception>
    public void Rewrite(IEnumerable<CatalogueChange> changes)
    {
        if (_failure is not null)
        {
            throw new CatalogueException(_failure);
        }

        var path = $"{_path}.new";
        FileStream? file = null;
        try
        {
            File.Delete(path);
            file = OpenFile(path);
            file.Write(Head);
            var count = 0L;
            foreach (var some in changes.Chunk(1024))
            {
                file.Write(Lines(some).WrittenSpan);
                count += some.Length;
            }

            file.Flush(flushToDisk: true);
            File.Move(path, _path, overwrite: true);
            // From now on it is the journal, whatever comes.
            _file.Dispose();
            (_file, _length, LineCount) = (file, file.Position, count);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            file?.Dispose();
            Discard(path);
            throw new CatalogueException($"cannot rewrite the catalogue '{_path}': {error.Message}", error);
        }

        try
        {
            ContentFolder.SyncFolder(Path.GetDirectoryName(_path)!);
        }
        catch (StorageException error)
        {
            // After a loss of power the old file may be back, without what is appended now.
            _failure = $"the catalogue '{_path}' was rewritten, but may not be on the disk: {error.Message}; restart the tracker when it is mended";
            throw new CatalogueException(_failure, error);
        }
    }

    public void Dispose() => _file.Dispose();

    // Locked against a second tracker; who only reads, as a person does, is not kept out.
    private static FileStream OpenFile(string path) =>
        new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);

    private static bool IsLocked(Exception error) => (error.HResult & 0xFFFF) is 11 or 32 or 35 || error.Message.Contains("used by another process", StringComparison.Ordinal);

    private static ArrayBufferWriter<byte> Lines(IReadOnlyList<CatalogueChange> changes)
    {
        var bytes = new ArrayBufferWriter<byte>(256 * changes.Count);
        using var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        foreach (var change in changes)
        {
            var start = bytes.WrittenCount;
            bytes.Advance(Room(bytes, ChecksumLength));
            json.Reset();
            JsonSerializer.Serialize(json, change, JournalJson.Default.CatalogueChange);
            json.Flush();
            var line = System.Runtime.InteropServices.MemoryMarshal.AsMemory(bytes.WrittenMemory).Span[start..];
            Encoding.ASCII.GetBytes($"{Checksum(line[ChecksumLength..]):x8} ", line);
            bytes.Write("\n"u8);
        }

        return bytes;
    }

    private static int Room(ArrayBufferWriter<byte> bytes, int length)
    {
        _ = bytes.GetSpan(length);
        return length;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return ~crc;
    }

    private static CatalogueChange? Read(ReadOnlySpan<byte> line) =>
        line.Length > ChecksumLength && line[ChecksumLength - 1] == ' ' &&
        uint.TryParse(line[..(ChecksumLength - 1)], System.Globalization.NumberStyles.AllowHexSpecifier, null, out var checksum) &&
        checksum == Checksum(line[ChecksumLength..]) ? JournalLine.Read(line[ChecksumLength..]) : null;

    private void Replay(Action<CatalogueChange> replay)
    {
        var buffer = new byte[1 << 20];
        var filled = ReadHead(buffer);
        var good = (long)Head.Length; // where the lines end that are right
        var damaged = 0L;             // the first line that is not
        while (true)
        {
            var read = _file.Read(buffer, filled, buffer.Length - filled);
            filled += read;
            var start = 0;
            while (buffer.AsSpan(start, filled - start).IndexOf((byte)'\n') is var length and >= 0)
            {
                if (Read(buffer.AsSpan(start, length)) is not { } change)
                {
                    damaged = damaged == 0 ? LineCount + 2 : damaged;
                }
                else if (damaged > 0)
                {
                    throw new CatalogueException(
                        $"line {damaged} of the catalogue '{_path}' is damaged; what stands behind it is whole: mend the line, or remove it to go on without what it said");
                }
                else
                {
                    replay(change);
                    LineCount++;
                    good += length + 1;
                }

                start += length + 1;
            }

            buffer.AsSpan(start, filled - start).CopyTo(buffer);
            filled -= start;
            if (filled > MaximumLineLength)
            {
                // No line of ours: what follows cannot be told apart any more.
                damaged = damaged == 0 ? LineCount + 2 : damaged;
                filled = 0;
            }

            if (read == 0)
            {
                break;
            }
        }

        TornLength = _file.Length - good;
        _length = good;
        if (TornLength > 0)
        {
            _file.SetLength(good);
            _file.Flush(flushToDisk: true);
        }
    }

    // A file that ends within its own head was made a moment before its tracker died.
    private int ReadHead(byte[] buffer)
    {
        var filled = _file.ReadAtLeast(buffer.AsSpan(0, Head.Length), Head.Length, throwOnEndOfStream: false);
        if (!Head.AsSpan().StartsWith(buffer.AsSpan(0, filled)))
        {
            throw new CatalogueException($"'{_path}' is not a catalogue's journal");
        }

        if (filled < Head.Length)
        {
            _file.SetLength(0);
            _file.Write(Head);
            _file.Flush(flushToDisk: true);
        }

        return 0;
    }

    // Half a file takes room, and the disk may be full.
    private static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The next attempt begins with that.
        }
    }

    private void CutBack()
    {
        try
        {
            _file.SetLength(_length);
        }
        catch (IOException error)
        {
            // Half a line must not end up before a whole one.
            _failure = $"the catalogue '{_path}' cannot be written: {error.Message}; restart the tracker when the disk is mended";
        }
    }
}
