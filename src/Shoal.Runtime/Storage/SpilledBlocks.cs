using Microsoft.Win32.SafeHandles;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Blocks of unfinished pieces that cannot be put in their place yet, in one file that has no name: it goes with the process, however that ends. As long as
/// the most pieces that lay in it at once. Thread-safe.
/// </summary>
/// <param name="folder">The folder in which the file is made when it is needed; itself too.</param>
/// <param name="pieceLength">Bytes of a piece.</param>
internal sealed class SpilledBlocks(string folder, int pieceLength) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PieceIndex, int> _places = [];
    private readonly Stack<int> _free = new();
    private SafeFileHandle? _file;

    internal long LengthOnDisk => _file is null ? 0 : RandomAccess.GetLength(_file);

    /// <summary>Puts bytes of the piece aside.</summary>
    /// <exception cref="StorageException">The disk failed.</exception>
    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes)
    {
        try
        {
            var (file, offset) = PlaceOf(piece);
            RandomAccess.Write(file, bytes, offset + begin);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "write unfinished pieces to", folder);
        }
    }

    /// <summary>Reads bytes that were put aside. False if none of the piece were.</summary>
    /// <exception cref="StorageException">The disk failed.</exception>
    public bool TryRead(PieceIndex piece, int begin, Span<byte> destination)
    {
        SafeFileHandle file;
        long offset;
        lock (_gate)
        {
            if (!_places.TryGetValue(piece, out var place))
            {
                return false;
            }

            (file, offset) = (_file!, (long)place * pieceLength);
        }

        try
        {
            for (var position = 0; position < destination.Length;)
            {
                var read = RandomAccess.Read(file, destination[position..], offset + begin + position);
                position += read > 0 ? read : throw new EndOfStreamException("it is shorter than it was");
            }

            return true;
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "read unfinished pieces in", folder);
        }
    }

    /// <summary>The piece's place is free for another.</summary>
    public void Forget(PieceIndex piece)
    {
        lock (_gate)
        {
            if (_places.Remove(piece, out var place))
            {
                _free.Push(place);
            }
        }
    }

    /// <summary>Frees the disk.</summary>
    public void Dispose() => _file?.Dispose();

    private (SafeFileHandle File, long Offset) PlaceOf(PieceIndex piece)
    {
        lock (_gate)
        {
            _file ??= Open();
            if (!_places.TryGetValue(piece, out var place))
            {
                place = _free.TryPop(out var free) ? free : _places.Count;
                _places.Add(piece, place);
            }

            return (_file, (long)place * pieceLength);
        }
    }

    private SafeFileHandle Open()
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $".shoal-{Guid.NewGuid():N}");
        var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(path); // an open file needs no name; elsewhere it loses it when it is closed
        }

        return file;
    }
}
