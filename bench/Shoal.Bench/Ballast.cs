namespace Shoal.Bench;

/// <summary>
/// Memory that the machine has touched already, held as a file on tmpfs. Machines hand freed memory back to their
/// host, and pages touched for the first time cost seconds per GiB, so a run is given warm pages: the file is cut
/// short ahead of the leecher's file as that grows, and what the leecher wrote is the next run's ballast.
/// </summary>
internal sealed class Ballast(string folder)
{
    private const long Ahead = 512L << 20;
    private const long Step = 64L << 20;

    private readonly string _path = Path.Combine(folder, "ballast");
    private long _full;
    private long _length;

    /// <summary>Has <paramref name="length"/> bytes of memory touched and held.</summary>
    public void Fill(long length)
    {
        using var file = new FileStream(_path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 0);
        var zeros = new byte[4 << 20];
        file.Position = Math.Min(file.Length, length) / zeros.Length * zeros.Length;
        while (file.Position < length)
        {
            file.Write(zeros);
        }

        file.SetLength(length);
        _full = _length = length;
    }

    /// <summary>Takes a file that a run left behind on the same file system, instead of new memory.</summary>
    public void TakeOver(string file)
    {
        try
        {
            File.Move(file, _path, overwrite: true);
        }
        catch (IOException)
        {
            File.Delete(file);
        }
    }

    /// <summary>Lets go of what the leecher will need next, when <paramref name="used"/> bytes have arrived.</summary>
    public void ReleaseFor(long used)
    {
        var wanted = Math.Max(0, _full - used - Ahead);
        if (_length - wanted < Step && wanted > 0)
        {
            return;
        }

        if (_length == wanted)
        {
            return;
        }

        using var file = new FileStream(_path, FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.SetLength(wanted);
        _length = wanted;
    }

    public void Drop()
    {
        File.Delete(_path);
        _full = _length = 0;
    }
}
