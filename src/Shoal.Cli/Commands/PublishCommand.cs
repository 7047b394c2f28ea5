using System.CommandLine;
using Shoal.Catalogue;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Commands;

/// <summary>`shoal publish`: hashes a file or folder, registers it in a catalogue under a name, and seeds it.</summary>
internal static class PublishCommand
{
    private static readonly TimeSpan UploadGrace = TimeSpan.FromSeconds(2);

    private static readonly Argument<string> Path = new("path") { Description = "The file or folder" };

    private static readonly Option<string?> As = new("--as")
    {
        Description = "What it shall be called there, for example models/llm-7b; with a slash at its end the path's own name follows (default: the path's own name)",
        HelpName = "NAME",
    };

    private static readonly Option<bool> Private = new("--private") { Description = "Peers may be had from the trackers only (BEP 27); such content is another torrent than the same without" };

    public static Command Create()
    {
        var command = new Command("publish", "Publish a file or folder in a tracker's catalogue, by name, and seed it until Ctrl-C")
        {
            Path, As, CatalogueArgument.At, Private,
        }.WithTransfer().WithOutput();
        command.Validators.Add(result =>
        {
            if (result.GetValue(Private) && result.GetValue(SharedOptions.Public))
            {
                result.AddError("--private and --public contradict each other");
            }
        });
        command.Action = new CommandAction(
            RunAsync, "shoal publish ~/models/llm-7b --as models/llm-7b --at tracker.lab:6969", "SHOAL_TOKEN=shoal_… shoal publish nightly.img --as images/ --at https://files.example");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        using var catalogue = CatalogueArgument.Open(invocation);
        var path = parse.GetValue(Path)!;
        var name = CatalogueArgument.ParseName(NameOf(path, parse.GetValue(As)));
        Hashing.RequireSomething(path);

        // The catalogue and the port before the hashing, which may take long: what stands in the way there is better told at once.
        await catalogue.CheckPublishingAsync(name, invocation.Stop);
        await using var client = await Transfer.StartClientAsync(invocation, reporter, UploadGrace);
        // Called by the name's own last part, whatever it is called here: so every version of a name is the same files in another state.
        using var made = await Hashing.RunAsync(
            path,
            new NewTorrentOptions { CreatedBy = $"Shoal {Program.Version}", Name = name.LastPart, MayUseDht = parse.GetValue(SharedOptions.Public), IsPrivate = parse.GetValue(Private) },
            reporter,
            invocation.Stop);
        var entry = await catalogue.PublishAsync(name, made.Metainfo, invocation.Stop);
        var authority = parse.GetResult(SharedOptions.TrackerAuthorities) is { Tokens: [var file] } ? $" --tracker-ca {ShellWord.Quote(file.Value)}" : "";
        var command = $"shoal get {ShellWord.Quote(entry.Name.ToString())} --at {ShellWord.Quote(catalogue.Address.ToString())}{authority}";
        reporter.Report(new PublishedEvent(
            entry.Name, entry.Version, entry.InfoHash, entry.Size, entry.FileCount, catalogue.Address.ToString(), command));
        var torrent = await client.ShareAsync(
            made,
            new AddOptions
            {
                Trackers = [.. catalogue.Trackers, .. parse.GetValue(SharedOptions.Trackers) ?? []],
                Peers = parse.GetValue(SharedOptions.Peers) ?? [],
                AllTrackers = parse.GetValue(SharedOptions.AllTrackers),
                IsPublic = parse.GetValue(SharedOptions.Public),
            },
            invocation.Stop);
        await using var watch = new TrackerWatch(catalogue, client);
        var transfer = new Transfer(invocation, reporter, client, torrent);
        await transfer.SeedAsync();
        await transfer.StopAsync();
        return ExitCode.Ok;
    }

    internal static string NameOf(string path, string? name) =>
        name is { Length: > 0 } && !name.EndsWith('/') ? name
        : name + System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path)));
}
