using Shoal.Cli.Reporting;
using Shoal.Protocol.Metadata;

namespace Shoal.Cli.Commands;

/// <summary>What `create` and `share` begin with: hashing, shown as it goes.</summary>
internal static class Hashing
{
    /// <summary>Told before anything else is begun, such as opening a port.</summary>
    /// <exception cref="UserErrorException">There is nothing at the path.</exception>
    public static void RequireSomething(string path, string? called = null)
    {
        if (!Path.Exists(path))
        {
            throw new UserErrorException($"there is no file or folder '{called ?? path}'");
        }
    }

    public static async Task<NewTorrent> RunAsync(string path, NewTorrentOptions options, Reporter reporter, CancellationToken stop)
    {
        IProgress<long>? progress = null;
        var gate = new Lock();
        void OnProgress(long done, long all)
        {
            lock (gate)
            {
                progress ??= reporter.Throttle(all, bytes => new HashingEvent(path, bytes, all));
            }

            progress.Report(done);
        }

        return await NewTorrent.HashAsync(path, options, OnProgress, line => reporter.Report(new WarningEvent(line)), stop);
    }

    public static TorrentEvent Describe(NewTorrent made, string torrentFile, string? magnet, string? command, string? link = null) => new(
        made.Metainfo.InfoHash, made.Content.Name, made.Content.StoredLength, made.Metainfo.Layout.PieceCount, made.Metainfo.Layout.PieceLength,
        made.Content.Files.Count(file => !file.IsPadding), torrentFile, magnet, command, link);
}
