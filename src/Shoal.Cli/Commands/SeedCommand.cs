using System.CommandLine;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Cli.Commands;

/// <summary>`shoal seed`: shares what is already there of a torrent.</summary>
internal static class SeedCommand
{
    private static readonly TimeSpan UploadGrace = TimeSpan.FromSeconds(2);

    private static readonly Argument<string> Torrent = new("torrent") { Description = "The .torrent file" };

    private static readonly Argument<string> Folder = new("folder") { Description = "The folder that holds the torrent's file or folder" };

    private static readonly Option<string?> Link = new("--link")
    {
        Description = "The shoal: link of the secret share that the torrent is, where the folder holds the files as they are; - to read it from standard input",
        HelpName = "LINK",
    };

    public static Command Create()
    {
        var command = new Command("seed", "Share what is there of a torrent; writes nothing") { Torrent, Folder, Link }.WithTransfer().WithOutput();
        command.Action = new CommandAction(RunAsync, "shoal seed holiday.torrent ~/Downloads", "shoal seed disk.torrent . --max-up 20Mbit", "shoal seed sealed-5d1f0c9a.torrent ~/diary --link - < link.txt");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        var metainfo = await TorrentSource.ReadFileAsync(parse.GetValue(Torrent)!, invocation.Stop);
        var secret = await OpenAsync(metainfo, invocation);
        var root = TorrentArgument.FindRoot(secret?.Share.Content ?? metainfo, parse.GetValue(Folder)!);
        await using var client = await Transfer.StartClientAsync(invocation, reporter, UploadGrace);
        var torrent = await client.AddAsync(
            secret is { Link: var link } ? TorrentSource.FromMetainfo(metainfo).With(link) : TorrentSource.FromMetainfo(metainfo),
            root,
            new AddOptions
            {
                SeedOnly = true,
                ContentFolder = root,
                IsPublic = parse.GetValue(SharedOptions.Public),
                Peers = parse.GetValue(SharedOptions.Peers) ?? [],
                AllTrackers = parse.GetValue(SharedOptions.AllTrackers),
                Trackers = parse.GetValue(SharedOptions.Trackers) ?? [],
            },
            invocation.Stop);
        var transfer = new Transfer(invocation, reporter, client, torrent);
        await transfer.SeedAsync();
        await transfer.StopAsync();
        return ExitCode.Ok;
    }

    private static async Task<(SecretLink Link, SecretShare Share)?> OpenAsync(Metainfo metainfo, Invocation invocation)
    {
        if (invocation.Parse.GetValue(Link) is not { } argument)
        {
            return null;
        }

        var text = await TorrentArgument.ReadAsync(argument, invocation);
        var error = SecretLink.TryParse(text, out var link, out var wrong) && link.Magnet.InfoHash != metainfo.InfoHash
            ? $"the shoal: link is of another torrent ({link.Magnet.InfoHash}) than the file ({metainfo.InfoHash})" : wrong;
        return error.Length == 0 && SecretShare.TryOpen(metainfo, link!.Key, out var share, out error)
            ? (link!, share) : throw new UserErrorException($"{metainfo.Name}: {error}");
    }
}
