using Shoal.Engine.Dht;

namespace Shoal.Sockets.Dht;

/// <summary>
/// The file that keeps a node's id and contacts. Whoever opens it first holds a lock beside it for as long as it lives, and alone writes; another reads the
/// contacts and goes by an id of its own, since two with one id would displace each other. Not thread-safe.
/// </summary>
internal sealed class DhtStateFile : IDisposable
{
    private readonly string? _path;
    private readonly FileStream? _lock;

    public DhtStateFile(string? path)
    {
        _path = path;
        if (path is null)
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            _lock = new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another has it, or we may not: then nothing is kept.
        }
    }

    public bool IsOurs => _lock is not null;

    /// <summary>What was kept; nothing if the file is not there, or is broken.</summary>
    public (DhtSnapshot? IPv4, DhtSnapshot? IPv6) Read()
    {
        try
        {
            return _path is not null && new FileInfo(_path) is { Exists: true, Length: <= DhtSnapshot.MaximumLength } &&
                DhtSnapshot.TryRead(File.ReadAllBytes(_path), out var ipv4, out var ipv6) ? (ipv4, ipv6) : (null, null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (null, null);
        }
    }

    /// <summary>Replaces the file as a whole. Null, or why that could not be.</summary>
    public string? TryWrite(DhtSnapshot? ipv4, DhtSnapshot? ipv6)
    {
        if (_lock is null)
        {
            return null;
        }

        try
        {
            File.WriteAllBytes(_path + ".new", DhtSnapshot.Write(ipv4, ipv6));
            File.Move(_path + ".new", _path!, overwrite: true);
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }

    public void Dispose() => _lock?.Dispose();
}
