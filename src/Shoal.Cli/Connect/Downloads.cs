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
        var to = ConnectSession.PathOf(folder ?? ".");
        var entry = await catalogue.FindAsync(CatalogueArgument.ParseReference(name), stop);
        if (!transfers.TryFind(entry.InfoHash, out var held))
        {
            GetCommand.EnsureWritable(to);
            var metainfo = await catalogue.GetTorrentAsync(entry, stop);
            var torrent = await session.Context.Client.AddAsync(
                TorrentSource.FromMetainfo(metainfo), to,
                session.Context.Torrents with { Trackers = [.. catalogue.Address.Trackers, .. session.Context.Torrents.Trackers] }, stop);
            held = new HeldTorrent(entry.Name, entry.Version, torrent, Path.Combine(to, metainfo.Name), IsUpload: false);
            transfers.Add(held);
            session.Context.Reporter.Report(new VersionFoundEvent(entry.Name, entry.Version, entry.InfoHash, entry.Size));
        }
        else if (Path.GetDirectoryName(held.Path) != Path.TrimEndingDirectorySeparator(to))
        {
            throw new UserErrorException(
                $"it is held at '{held.Path}' already, and a session has it in one place; 'shoal get' gets it to another", ExitCode.Failed);
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
