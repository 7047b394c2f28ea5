using Shoal.Protocol.Metadata;

namespace Shoal.Cli.Commands;

/// <summary>Writes .torrent files: whole or not at all, and never over a file unless told to.</summary>
internal static class TorrentFile
{
    /// <summary>Writes the file.</summary>
    /// <exception cref="UserErrorException">A file is there and it is not to be replaced, or it cannot be written.</exception>
    public static void Write(Metainfo metainfo, string path, bool force = false)
    {
        RequireRoom(path, force);
        // Beside it, so that the rename stays on one file system.
        var temporary = $"{path}.{Environment.ProcessId}.new";
        try
        {
            File.WriteAllBytes(temporary, MetainfoWriter.ToArray(metainfo));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"cannot write '{path}': {error.Message}", ExitCode.Environment, error);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Refuses a path that is taken, or in a folder that there is not; worth asking before hours of hashing.</summary>
    /// <exception cref="UserErrorException">It is taken, or there is no such folder.</exception>
    public static void RequireRoom(string path, bool force)
    {
        if (!force && Path.Exists(path))
        {
            throw new UserErrorException($"'{path}' is there already; choose another with -o, or --force");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        if (!Directory.Exists(folder))
        {
            throw new UserErrorException($"cannot write '{path}': there is no folder '{folder}'");
        }
    }

    /// <summary>
    /// Writes NAME.torrent where nobody minds: here, unless here is inside of what is shared, or another file of that name
    /// stands here, or one cannot write here; then into the state folder. Returns the path. <paramref name="sharedFolder"/> is null
    /// if a lone file is shared.
    /// </summary>
    public static string WriteSomewhere(Metainfo metainfo, string? sharedFolder, string stateDirectory)
    {
        var here = Directory.GetCurrentDirectory();
        var path = Path.Combine(here, metainfo.Name + ".torrent");
        if (!(sharedFolder is not null && IsInside(here, sharedFolder)) && MayWrite(metainfo, path))
        {
            try
            {
                Write(metainfo, path, force: true);
                return path;
            }
            catch (UserErrorException error) when (error.ExitCode == ExitCode.Environment)
            {
                // Not here, then.
            }
        }

        var folder = Path.Combine(stateDirectory, "torrents");
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"cannot write the .torrent, neither here nor in '{folder}': {error.Message}", ExitCode.Environment, error);
        }

        path = Path.Combine(folder, $"{metainfo.InfoHash}.torrent");
        Write(metainfo, path, force: true);
        return path;
    }

    private static bool IsInside(string path, string folder) =>
        (path + '/').StartsWith(Path.TrimEndingDirectorySeparator(folder) + '/', StringComparison.Ordinal);

    // The same torrent with other trackers is no loss.
    private static bool MayWrite(Metainfo metainfo, string path)
    {
        if (!Path.Exists(path))
        {
            return true;
        }

        try
        {
            // Pipes and devices have length 0, and are nothing to read or to replace.
            return new FileInfo(path).Length is > 0 and <= MetainfoReader.MaximumLength &&
                MetainfoReader.TryRead(File.ReadAllBytes(path), out var old, out _) && old.InfoHash == metainfo.InfoHash;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
