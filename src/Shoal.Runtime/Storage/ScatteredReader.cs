using System.Runtime.InteropServices;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Collects reads that follow each other in one file and does them with one preadv, into several places of one buffer.
/// Lives on the stack; allocates nothing.
/// </summary>
internal ref struct ScatteredReader(PieceStore store, Span<ScatteredReader.Target> targets, Span<byte> buffer)
{
    /// <summary>How many places one call fills at most: 2 MiB of 16 KiB blocks.</summary>
    public const int MaximumTargets = 128;

    private readonly Span<Target> _targets = targets;
    private readonly Span<byte> _buffer = buffer;
    private int _count;
    private int _file = -1;
    private long _start;
    private long _end;

    /// <summary>Reads the segment to <paramref name="position"/> of the buffer, now or at the next <see cref="Flush"/>.</summary>
    public void Add(Segment segment, int position)
    {
        if (_count == _targets.Length || _file != segment.File || _end != segment.Offset)
        {
            Flush();
            (_file, _start, _end) = (segment.File, segment.Offset, segment.Offset);
        }

        _end += segment.Length;
        if (_count > 0 && _targets[_count - 1].End == position)
        {
            _targets[_count - 1] = _targets[_count - 1] with { Length = _targets[_count - 1].Length + segment.Length };
        }
        else
        {
            _targets[_count++] = new Target(position, segment.Length);
        }
    }

    /// <summary>Does what is collected.</summary>
    public void Flush()
    {
        if (_count == 0)
        {
            return;
        }

        try
        {
            Read();
        }
        catch (StorageException error)
        {
            store.NoteReadError(_file, error);
            throw;
        }
        finally
        {
            _count = 0;
        }
    }

    private readonly void Read()
    {
        var open = store.Take(_file, writing: false) ?? throw store.NotThere(_file);
        try
        {
            var done = Posix.IsAvailable && _count > 1 ? ReadVectors(open) : 0;
            ReadRest(open, done);
            store.ThrowIfChanged(open);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "read", store.PathOf(_file));
        }
        finally
        {
            store.Release(open);
        }
    }

    /// <summary>One call; whatever it did not bring (a signal, an error, the file's end) is left for <see cref="ReadRest"/> to find out.</summary>
    private readonly unsafe long ReadVectors(HandleCache.OpenFile open)
    {
        var vectors = stackalloc Posix.IoVector[MaximumTargets];
        fixed (byte* start = _buffer)
        {
            for (var i = 0; i < _count; i++)
            {
                // Slice for its range check: native code has none.
                var target = _buffer.Slice(_targets[i].Position, _targets[i].Length);
                vectors[i] = new Posix.IoVector { Base = start + _targets[i].Position, Length = (nuint)target.Length };
            }

            return Math.Max(0, Posix.ReadVectors(open.Handle, vectors, _count, _start));
        }
    }

    private readonly void ReadRest(HandleCache.OpenFile open, long done)
    {
        var offset = _start;
        foreach (var target in _targets[.._count])
        {
            var skip = (int)Math.Min(done, target.Length);
            done -= skip;
            offset += skip;
            var rest = _buffer.Slice(target.Position + skip, target.Length - skip);
            while (!rest.IsEmpty)
            {
                var read = RandomAccess.Read(open.Handle, rest, offset);
                if (read == 0)
                {
                    throw store.Changed(_file, $"is shorter than it should be: it ends at {offset} bytes");
                }

                offset += read;
                rest = rest[read..];
            }
        }
    }

    /// <summary>A range of the buffer.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Target(int Position, int Length)
    {
        public int End => Position + Length;
    }
}
