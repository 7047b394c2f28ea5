using System.Text;
using Shoal.Cli.Commands;
using Shoal.Cli.Reporting;
using Shoal.Protocol.Catalogue;

namespace Shoal.Cli.Connect;

/// <summary>The commands of a session that change nothing.</summary>
internal sealed class Questions(ConnectSession session)
{
    private Reporter Reporter => session.Context.Reporter;

    public async Task ListAsync(string? pattern, CancellationToken stop)
    {
        var text = pattern is null ? null : CatalogueArgument.ParsePattern(pattern).Text;
        var count = await ListCommand.ShowAllAsync(session.Context.Catalogue, text, CatalogueOrder.Name, int.MaxValue, Reporter, stop);
        if (count == 0)
        {
            throw new UserErrorException(text is null ? "the catalogue is empty" : $"nothing in the catalogue is called like '{Printable.Of(text)}'", ExitCode.Failed);
        }
    }

    public async Task SearchAsync(string word, CancellationToken stop)
    {
        var pattern = CatalogueArgument.ParsePattern(PatternFor(word)).Text;
        if (await ListCommand.ShowAllAsync(session.Context.Catalogue, pattern, CatalogueOrder.Name, int.MaxValue, Reporter, stop) == 0)
        {
            throw new UserErrorException($"no name in the catalogue holds '{Printable.Of(word)}'", ExitCode.Failed);
        }
    }

    public async Task ShowStatusAsync(CancellationToken stop)
    {
        var (held, subscriptions) = (session.Transfers.All, session.Subscriptions.All);
        foreach (var one in held)
        {
            var progress = await one.Torrent.GetProgressAsync(stop);
            Reporter.Report(new TransferEvent(
                one.Name, one.Version, Transfers.WordFor(progress.State), progress.HaveBytes, progress.WantedBytes, progress.DownloadRateBytesPerSecond,
                progress.UploadRateBytesPerSecond, progress.DownloadedBytes, progress.UploadedBytes, progress.Peers.Count, progress.Eta?.TotalSeconds, one.Path));
        }

        foreach (var one in await session.Subscriptions.GetProgressAsync())
        {
            Reporter.Report(new TransferEvent(
                one.Name, one.Version, Transfers.WordFor(one.Progress.State), one.Progress.HaveBytes, one.Progress.WantedBytes, one.Progress.DownloadRateBytesPerSecond,
                one.Progress.UploadRateBytesPerSecond, one.Progress.DownloadedBytes, one.Progress.UploadedBytes, one.Progress.Peers.Count, one.Progress.Eta?.TotalSeconds, null));
        }

        foreach (var (pattern, folder) in subscriptions)
        {
            Reporter.Report(new SubscriptionEvent(pattern, folder));
        }

        if (held.Count + subscriptions.Count == 0)
        {
            Reporter.Report(new NoteEvent("Nothing is fetched or seeded"));
        }
    }

    public async Task ShowPeersAsync(string name, CancellationToken stop)
    {
        var reference = CatalogueArgument.ParseReference(name);
        var held = session.Transfers.Of(reference);
        foreach (var one in held)
        {
            var progress = await one.Torrent.GetProgressAsync(stop);
            foreach (var peer in progress.Peers.OrderByDescending(peer => peer.DownloadRateBytesPerSecond + peer.UploadRateBytesPerSecond))
            {
                Reporter.Report(new ConnectedPeerEvent(
                    one.Name, one.Version, peer.Address.ToString(), peer.Client ?? peer.Id.ToString(), peer.Fraction,
                    peer.DownloadRateBytesPerSecond, peer.UploadRateBytesPerSecond));
            }

            if (progress.Peers.Count == 0)
            {
                Reporter.Report(new NoteEvent($"{one.What}: nobody is connected"));
            }
        }

        if (held.Count == 0)
        {
            var entry = await session.Context.Catalogue.FindAsync(reference, stop);
            Reporter.Report(new NoteEvent(
                $"{entry.Name}@{entry.Version} is neither fetched nor seeded here; the tracker knows of {Units.Count(entry.Seeders ?? 0, "seeder")} and {Units.Count(entry.Leechers ?? 0, "leecher")}"));
        }
    }

    public Task HelpAsync(string? command)
    {
        if (command is null)
        {
            var width = ConnectVerb.All.Max(verb => verb.Usage.Length);
            foreach (var verb in ConnectVerb.All)
            {
                Reporter.Report(new NoteEvent($"{verb.Usage.PadRight(width)}  {verb.Summary}"));
            }
        }
        else
        {
            var verb = ConnectVerb.Find(command);
            Reporter.Report(new NoteEvent($"{verb.Usage}\n  {char.ToUpperInvariant(verb.Summary[0])}{verb.Summary[1..]}." + (verb.More.Length > 0 ? $" {verb.More}" : "")));
        }

        return Task.CompletedTask;
    }

    /// <summary>The pattern of all names that hold a word, in small or capital letters.</summary>
    internal static string PatternFor(string word)
    {
        var pattern = new StringBuilder("**");
        foreach (var rune in Composition.Compose(word).EnumerateRunes())
        {
            var (lower, upper) = (Rune.ToLowerInvariant(rune), Rune.ToUpperInvariant(rune));
            _ = lower != upper ? pattern.Append($"[{lower}{upper}]") : Rune.IsLetterOrDigit(rune) || rune.Value == '/' ? pattern.Append(rune) : pattern.Append('\\').Append(rune);
        }

        return pattern.Append("**").ToString();
    }
}
