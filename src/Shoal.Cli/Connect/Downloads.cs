using Shoal.Cli.Commands;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Connect;

/// <summary>What a session fetches.</summary>
internal sealed class Downloads(ConnectSession session)
{
    /// <summary>Gets a name, or a version of it, into a folder (the current one, if none is named).</summary>
    public async Task DownloadAsync(string name, string? folder, CancellationToken stop)
    {
        var (catalogue, transfers) = (session.Context.Catalogue, session.Transfers);
        var to = Path.TrimEndingDirectorySeparator(ConnectSession.PathOf(folder ?? "."));
        var entry = await catalogue.FindAsync(CatalogueArgument.ParseReference(name), stop);
        if (!transfers.TryFind(entry.InfoHash, to, out var held))
        {
            GetCommand.EnsureWritable(to);
            var metainfo = await catalogue.GetTorrentAsync(entry, stop);
            var options = session.Context.Torrents with { Trackers = [.. catalogue.Trackers, .. session.Context.Torrents.Trackers] };
            held = await transfers.AddAsync(
                entry, Path.Combine(to, metainfo.Name), isUpload: false, client => client.AddAsync(TorrentSource.FromMetainfo(metainfo), to, options, stop), stop);
            session.Context.Reporter.Report(new VersionFoundEvent(entry.Name, entry.Version, entry.InfoHash, entry.Size));
        }
        else if (!held.IsUpload && !held.Torrent.Completion.IsCompleted && !session.Context.Waits)
        {
            throw new UserErrorException($"{held.What} is being fetched already; 'status' shows how far it is", ExitCode.Failed);
        }

        if (session.Context.Waits || held.IsUpload || held.Torrent.Completion.IsCompleted)
        {
            await transfers.CompleteAsync(held, stop);
        }
        else
        {
            session.Jobs.Begin($"download {held.What}", ending => transfers.CompleteAsync(held, ending));
        }
    }
}
