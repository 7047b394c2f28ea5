using System.CommandLine;
using System.Globalization;
using Shoal.Catalogue;
using Shoal.Cli.Reporting;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Cli.Commands;

/// <summary>`shoal get`: fetches a torrent's content, resuming what is there, and seeds on if asked to.</summary>
internal static class GetCommand
{
    private const string NamePrefix = "name:";

    private static readonly TimeSpan UploadGrace = TimeSpan.FromSeconds(5);

    private static readonly Argument<string> What = new("what")
    {
        Description = "A magnet link, a shoal: link, an http(s) URL of a .torrent, a .torrent file, an info-hash, or, with --at, a name in a catalogue " +
            "(name@3 for a version of it; name:X where X could be taken for something else); - to read it from standard input",
    };

    private static readonly Option<string> To = new("--to", "-d", "-o")
    {
        Description = "The folder to put it in", HelpName = "DIR", DefaultValueFactory = _ => ".",
    };

    private static readonly Option<bool> Seed = new("--seed") { Description = "Go on seeding when all is there, until Ctrl-C" };

    private static readonly Option<double?> SeedRatio = SharedOptions.Parsed<double?>(
        "--seed-ratio", "RATIO", "Go on seeding until so many times the size was sent", text =>
            double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var ratio) ? (ratio, null) : (null, $"'{text}' is not a ratio"));

    private static readonly Option<TimeSpan?> SeedTime = SharedOptions.Parsed<TimeSpan?>(
        "--seed-time", "TIME", "Go on seeding for so long, for example 30m", text =>
            Units.TryParseTime(text, out var time, out var error) ? (time, null) : (null, error));

    private static readonly Option<string[]> Select = SharedOptions.Repeated(
        "--select", "GLOB", "Get only the files that match, for example '*.mkv'; may be repeated");

    public static Command Create()
    {
        var command = new Command("get", "Get a torrent's content")
        {
            What, To, Select, Seed, SeedRatio, SeedTime, CatalogueArgument.At,
        }.WithTransfer().WithOutput();
        command.Action = new CommandAction(
            RunAsync,
            "shoal get 'magnet:?xt=urn:btih:…' --to ~/Downloads",
            "shoal get holiday.torrent --select '*.jpg' --seed-ratio 2",
            "shoal get models/llm-7b --at tracker.lab:6969",
            "shoal get - < link.txt");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        var (source, found) = await FindAsync(await TorrentArgument.ReadAsync(parse.GetValue(What)!, invocation), invocation);
        using var catalogue = found;
        var folder = parse.GetValue(To)!;
        EnsureWritable(folder);
        await using var client = await Transfer.StartClientAsync(invocation, reporter, UploadGrace);
        var torrent = await client.AddAsync(
            source,
            folder,
            new AddOptions
            {
                Select = parse.GetValue(Select) ?? [],
                IsPublic = parse.GetValue(SharedOptions.Public) ? true : null,
                Peers = parse.GetValue(SharedOptions.Peers) ?? [],
                AllTrackers = parse.GetValue(SharedOptions.AllTrackers),
                Trackers = [.. catalogue?.Trackers ?? [], .. parse.GetValue(SharedOptions.Trackers) ?? []],
            },
            invocation.Stop);
        await using var watch = catalogue is null ? null : new TrackerWatch(catalogue, client);
        var transfer = new Transfer(invocation, reporter, client, torrent);
        await transfer.CompleteAsync();
        var (seed, ratio, time) = (parse.GetValue(Seed), parse.GetValue(SeedRatio), parse.GetValue(SeedTime));
        if (seed || ratio is not null || time is not null)
        {
            await transfer.SeedAsync((progress, seeded) =>
                (ratio is { } most && progress.Ratio >= most) || (time is { } longest && seeded >= longest));
        }

        await transfer.StopAsync();
        return ExitCode.Ok;
    }

    // What is none of the things that are known without a catalogue is a name in one.
    private static async Task<(TorrentSource Source, CatalogueClient? Catalogue)> FindAsync(string what, Invocation invocation)
    {
        var isName = what.StartsWith(NamePrefix, StringComparison.Ordinal);
        ShoalException? wrong = null;
        try
        {
            if (!isName)
            {
                return (TorrentSource.Parse(what), null);
            }
        }
        catch (ShoalException error)
        {
            wrong = error;
        }

        if (wrong is not null && (TorrentArgument.IsUrl(what) || MagnetLink.IsMagnet(what) || SecretLink.IsSecretLink(what)))
        {
            throw wrong;
        }

        var name = isName ? what[NamePrefix.Length..] : what;
        var catalogue = wrong is null ? CatalogueArgument.Open(invocation) : CatalogueArgument.TryOpen(invocation);
        if (catalogue is null)
        {
            throw new UserErrorException($"{wrong!.Message}; for a name in a catalogue, say whose with --at HOST:PORT", inner: wrong);
        }

        try
        {
            var entry = await catalogue.FindAsync(CatalogueArgument.ParseReference(name), invocation.Stop);
            return (TorrentSource.FromMetainfo(await catalogue.GetTorrentAsync(entry, invocation.Stop)), catalogue);
        }
        catch
        {
            catalogue.Dispose();
            throw;
        }
    }

    // Found out before a byte is asked for, not by the first piece.
    internal static void EnsureWritable(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".shoal-{Guid.NewGuid():N}");
            using var handle = File.OpenHandle(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var reason = error switch
            {
                UnauthorizedAccessException => "permission denied",
                _ when File.Exists(folder) => "it is a file",
                FileNotFoundException or DirectoryNotFoundException => "the folder cannot be made",
                _ => error.Message,
            };
            throw new UserErrorException($"cannot write to '{folder}': {reason}", ExitCode.Environment, error);
        }
    }
}
