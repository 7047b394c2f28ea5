using System.CommandLine;

namespace Shoal.Cli.Commands;

/// <summary>`shoal seed`: shares what is already there of a torrent.</summary>
internal static class SeedCommand
{
    private static readonly TimeSpan UploadGrace = TimeSpan.FromSeconds(2);

    private static readonly Argument<string> Torrent = new("torrent") { Description = "The .torrent file" };

    private static readonly Argument<string> Folder = new("folder") { Description = "The folder that holds the torrent's file or folder" };

    public static Command Create()
    {
        var command = new Command("seed", "Share what is there of a torrent; writes nothing") { Torrent, Folder }.WithTransfer().WithOutput();
        command.Action = new CommandAction(RunAsync, "shoal seed holiday.torrent ~/Downloads", "shoal seed disk.torrent . --max-up 20Mbit");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        var metainfo = await TorrentSource.ReadFileAsync(parse.GetValue(Torrent)!, invocation.Stop);
        var root = TorrentArgument.FindRoot(metainfo, parse.GetValue(Folder)!);
        await using var client = await Transfer.StartClientAsync(invocation, reporter, UploadGrace);
        var torrent = await client.AddAsync(
            TorrentSource.FromMetainfo(metainfo),
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
}
