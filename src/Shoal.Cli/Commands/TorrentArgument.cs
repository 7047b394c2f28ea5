using System.Text;
using Shoal.Protocol.Metadata;

namespace Shoal.Cli.Commands;

/// <summary>What the arguments that name a torrent and its folder have in common.</summary>
internal static class TorrentArgument
{
    /// <summary>Whether it says of itself that it is a URL.</summary>
    public static bool IsUrl(string text) => text.Contains("://", StringComparison.Ordinal);

    /// <summary>The argument, or where it is <c>-</c> the first line of standard input: what is secret need not stand in the list of processes.</summary>
    public static async Task<string> ReadAsync(string argument, Invocation invocation) => argument != "-" ? argument
        : await Task.Run(() => ReadLine(invocation.Surface.OpenInput())).WaitAsync(invocation.Stop);

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

    private static string ReadLine(TextReader input)
    {
        var line = new StringBuilder();
        for (var character = input.Read(); character is >= 0 and not '\n'; character = input.Read())
        {
            if (line.Append((char)character).Length > MagnetLink.MaximumLength)
            {
                throw new UserErrorException($"standard input has a line of more than {MagnetLink.MaximumLength} characters, which is no link");
            }
        }

        return line.ToString().Trim() is { Length: > 0 } text ? text : throw new UserErrorException("standard input has no link");
    }
}
