using Shoal.Protocol.Metadata;

namespace Shoal.Cli.Commands;

/// <summary>What the arguments that name a torrent and its folder have in common.</summary>
internal static class TorrentArgument
{
    /// <summary>Whether it says of itself that it is a URL.</summary>
    public static bool IsUrl(string text) => text.Contains("://", StringComparison.Ordinal);

    /// <summary>
    /// The folder that the files' paths begin in, whether the user named that folder itself, or the one that holds it,
    /// or (of a lone file) the file.
    /// </summary>
    public static string FindRoot(Metainfo metainfo, string folder)
    {
        var full = Path.GetFullPath(folder);
        if (!metainfo.IsFolder && File.Exists(full) && Path.GetFileName(full) == metainfo.Name)
        {
            return Path.GetDirectoryName(full)!;
        }

        if (!Directory.Exists(full))
        {
            throw new UserErrorException($"there is no folder '{folder}'");
        }

        if (!metainfo.IsFolder)
        {
            return full;
        }

        var own = Path.Combine(full, metainfo.Name);
        var isItself = !Directory.Exists(own) &&
            (Path.GetFileName(Path.TrimEndingDirectorySeparator(full)) == metainfo.Name ||
             metainfo.Files.Any(file => !file.IsPadding && File.Exists(Path.Combine(full, file.Path))));
        return isItself ? full : own;
    }
}
