using System.CommandLine;
using System.Net;
using Shoal.Cli.Reporting;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;
using Shoal.Tracker;

namespace Shoal.Cli.Commands;

/// <summary>`shoal share`: makes a torrent of a file or folder, tracks and seeds it, and says how others get it.</summary>
internal static class ShareCommand
{
    private static readonly TimeSpan UploadGrace = TimeSpan.FromSeconds(2);

    private static readonly Argument<string> Path = new("path") { Description = "The file or folder" };

    private static readonly Option<int?> TrackerPort = SharedOptions.Parsed<int?>(
        "--tracker-port", "PORT", "The port of the embedded tracker (default: any free one)", SharedOptions.ParsePort);

    private static readonly Option<bool> Secret = new("--secret")
    {
        Description = "Encrypt it with a new key, names and all: only who has the printed shoal: link can read it, and others can help to carry it",
    };

    public static Command Create()
    {
        var command = new Command("share", "Share a file or folder: says how others get it, runs a tracker for it unless --tracker names one, and seeds until Ctrl-C")
        {
            Path, Secret, TrackerPort,
        }.WithTransfer().WithOutput();
        command.Action = new CommandAction(
            RunAsync, "shoal share ~/holiday", "shoal share --secret ~/diary", "shoal share disk.img --advertise 203.0.113.7 --port 6881 --tracker-port 6969");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        var path = parse.GetValue(Path)!;
        Hashing.RequireSomething(path);
        // The port before the hashing, which may take long: one in use is better told at once.
        await using var client = await Transfer.StartClientAsync(invocation, reporter, UploadGrace);
        var isPublic = parse.GetValue(SharedOptions.Public);
        using var made = await Hashing.RunAsync(
            path,
            new NewTorrentOptions { CreatedBy = $"Shoal {Program.Version}", IsSecret = parse.GetValue(Secret), MayUseDht = isPublic },
            reporter,
            invocation.Stop);
        var address = Transfer.PublicAddress(parse);
        var trackers = parse.GetValue(SharedOptions.Trackers) ?? [];
        await using var tracker = trackers.Length > 0 ? null : await StartTrackerAsync(invocation, address, made.Metainfo, reporter);

        string[] announced = tracker is null ? trackers : [Url("http", address, tracker.EndPoint.Port) + "/announce", Url("udp", address, tracker.EndPoint.Port)];
        var metainfo = made.Metainfo.WithSources([.. announced.Select(url => (IReadOnlyList<string>)[url])], []);
        var self = new MagnetPeer(address.ToString(), (ushort)client.EndPoint.Port);
        Announce(
            made, metainfo,
            new MagnetLink { InfoHash = metainfo.InfoHash, Name = metainfo.Name, Trackers = announced, Peers = [self], MayUseDht = isPublic },
            reporter);

        // Our own tracker is spoken to directly: the advertised address may not lead back here.
        var torrent = await client.ShareAsync(
            made,
            new AddOptions
            {
                Trackers = tracker is null ? trackers : [tracker.AnnounceUrl.ToString()],
                Peers = parse.GetValue(SharedOptions.Peers) ?? [],
                AllTrackers = parse.GetValue(SharedOptions.AllTrackers),
                IsPublic = isPublic,
            },
            invocation.Stop);
        var transfer = new Transfer(invocation, reporter, client, torrent);
        await transfer.SeedAsync();
        await transfer.StopAsync();
        return ExitCode.Ok;
    }

    private static async Task<TrackerServer> StartTrackerAsync(Invocation invocation, IPAddress address, Metainfo metainfo, Reporter reporter)
    {
        var defaults = new TrackerOptions();
        var tracker = await TrackerCommand.StartAsync(
            defaults with
            {
                BindAddress = invocation.Parse.GetValue(SharedOptions.Bind) ?? defaults.BindAddress,
                Port = invocation.Parse.GetValue(TrackerPort) ?? 0,
                AdvertiseAddress = IPAddress.IsLoopback(address) ? null : address,
                Interval = TimeSpan.FromMinutes(1),
                MinimumInterval = TimeSpan.FromSeconds(10),
                AllowedInfoHashes = new HashSet<Protocol.InfoHash> { metainfo.InfoHash },
            },
            invocation,
            invocation.Loggers);
        reporter.Report(new ListeningEvent(tracker.EndPoint.Address.ToString(), tracker.EndPoint.Port, "tracker: HTTP and UDP"));
        return tracker;
    }

    private static void Announce(NewTorrent made, Metainfo metainfo, MagnetLink magnet, Reporter reporter)
    {
        var file = TorrentFile.WriteSomewhere(metainfo, made.Content.IsFolder ? made.Root : null, ShoalOptions.DefaultStateDirectory);
        var link = made.Key is { } key ? new SecretLink(magnet, key).Reveal() : null;
        reporter.Report(Hashing.Describe(made, file, magnet.ToString(), $"shoal get {ShellWord.Quote(link ?? magnet.ToString())}", link));
    }

    private static string Url(string scheme, IPAddress address, int port) => $"{scheme}://{new IPEndPoint(address, port)}";
}
