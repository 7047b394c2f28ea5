using System.CommandLine;
using Shoal.Cli.Reporting;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Cli.Commands;

/// <summary>`shoal magnet`: prints the magnet link of a torrent, with what others shall know beside it; of a secret share, the one without the key.</summary>
internal static class MagnetCommand
{
    private static readonly Argument<string> What = new("what") 
    {
        Description = "A .torrent file, an http(s) URL of one, a magnet link, a shoal: link, or an info-hash; - to read it from standard input",
    };

    public static Command Create()
    {
        var command = new Command("magnet", "Print a torrent's magnet link") { What }.WithOutput();
        command.Options.Add(SharedOptions.Trackers);
        command.Options.Add(SharedOptions.Peers);
        command.Action = new CommandAction(
            RunAsync, "shoal magnet holiday.torrent", "shoal magnet holiday.torrent --tracker udp://tracker.example:6969 --peer 192.0.2.7:6881");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        await using var reporter = invocation.CreateReporter();
        var link = await ReadAsync(await TorrentArgument.ReadAsync(invocation.Parse.GetValue(What)!, invocation), invocation.Stop);
        IEnumerable<MagnetPeer> peers = invocation.Parse.GetValue(SharedOptions.Peers)!.Select(
            text => MagnetPeer.TryParse(text, out var peer) ? peer : throw new UserErrorException($"'{text}' is not HOST:PORT"));
        link = link with
        {
            Trackers = [.. link.Trackers.Concat(invocation.Parse.GetValue(SharedOptions.Trackers)!).Distinct()],
            Peers = [.. link.Peers.Concat(peers).Distinct()],
        };
        reporter.Report(new MagnetEvent(link.InfoHash, link.Name, link.ToString()));
        return ExitCode.Ok;
    }

    private static async Task<MagnetLink> ReadAsync(string text, CancellationToken stop)
    {
        if (MagnetLink.IsMagnet(text))
        {
            return MagnetLink.TryParse(text, out var link, out var error) ? link : throw new UserErrorException(error);
        }

        if (SecretLink.IsSecretLink(text))
        {
            // The files that it means are those inside, which nobody sees without the key.
            return SecretLink.TryParse(text, out var secret, out var error) ? secret.Magnet with { Files = [] } : throw new UserErrorException(error);
        }

        var (infoHash, metainfo, trackers) = await TorrentSource.Parse(text).ReadAsync(stop);
        return new MagnetLink
        {
            InfoHash = infoHash,
            Name = metainfo?.Name,
            Length = metainfo?.TotalLength,
            Trackers = [.. trackers.SelectMany(tier => tier).Distinct()],
            WebSeeds = metainfo?.WebSeeds ?? [],
            MayUseDht = metainfo is null or { MayUseDht: true, IsPrivate: false }, // a link cannot say that its torrent is private
        };
    }
}
