using System.CommandLine;
using Shoal.Catalogue;
using Shoal.Cli.Reporting;
using Shoal.Protocol.Catalogue;

namespace Shoal.Cli.Commands;

/// <summary>`shoal list`: what a catalogue has.</summary>
internal static class ListCommand
{
    private static readonly Argument<string?> Pattern = new("pattern")
    {
        Description = "Names to list: ? one character, * any within a level, ** across levels, [a-z], {a,b} (default: all); put it into quotes",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<CatalogueOrder?> Sort = SharedOptions.Parsed<CatalogueOrder?>(
        "--sort", "ORDER", "By name (default), size (the largest first), or age (the newest first)",
        text => Enum.TryParse<CatalogueOrder>(text, ignoreCase: true, out var order) && Enum.IsDefined(order) && !int.TryParse(text, out _)
            ? (order, null) : (null, $"'{text}' is neither name, size nor age"));

    private static readonly Option<bool> Versions = new("--versions") { Description = "Show each version of the one name that is given, oldest first" };

    private static readonly Option<int?> Limit = SharedOptions.Count("--limit", "Names at most (default: all)");

    public static Command Create()
    {
        var command = new Command("list", "List what a tracker's catalogue has")
        {
            Pattern, Sort, Versions, Limit, CatalogueArgument.At, SharedOptions.TrackerAuthorities, SharedOptions.Bind,
        }.WithOutput();
        command.Action = new CommandAction(
            RunAsync, "shoal list --at tracker.lab:6969", "shoal list 'models/**' --sort size --at tracker.lab:6969", "shoal list models/llm-7b --versions");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        await using var reporter = invocation.CreateReporter();
        using var catalogue = CatalogueArgument.Open(invocation);
        var pattern = parse.GetValue(Pattern);
        if (parse.GetValue(Versions))
        {
            var name = CatalogueArgument.ParseName(pattern ?? throw new UserErrorException("--versions wants a name"));
            Show(reporter, await catalogue.VersionsOfAsync(name, invocation.Stop));
            return ExitCode.Ok;
        }

        var text = pattern is null ? null : CatalogueArgument.ParsePattern(pattern).Text;
        var count = await ShowAllAsync(
            catalogue, text, parse.GetValue(Sort) ?? CatalogueOrder.Name, parse.GetValue(Limit) ?? int.MaxValue, reporter, invocation.Stop);
        return count > 0 || text is null ? ExitCode.Ok
            : throw new UserErrorException($"nothing in the catalogue at {catalogue.Address} is called like '{Printable.Of(text)}'", ExitCode.Failed);
    }

    /// <summary>Shows what matches, so many at most, and counts it.</summary>
    internal static async Task<int> ShowAllAsync(
        CatalogueClient catalogue, string? pattern, CatalogueOrder order, int limit, Reporter reporter, CancellationToken stop)
    {
        var (left, count) = (limit, 0);
        string? after = null;
        do
        {
            var page = await catalogue.ListAsync(pattern, order, Math.Min(left, 1000), after, stop);
            Show(reporter, page.Entries);
            count += page.Entries.Count;
            (after, left) = (page.Entries.Count > 0 ? page.Next : null, left - page.Entries.Count); // a page without entries is the last, whatever it says
        }
        while (after is not null && left > 0);

        return count;
    }

    private static void Show(Reporter reporter, IReadOnlyList<CatalogueEntry> entries)
    {
        var width = entries.Count == 0 ? 0 : Math.Min(60, entries.Max(entry => entry.Name.Length));
        foreach (var entry in entries)
        {
            reporter.Report(new ListedEvent(
                entry.Name, entry.Version, entry.InfoHash, entry.Size, entry.FileCount, entry.Seeders ?? 0, entry.Leechers ?? 0, entry.PublishedAt)
            {
                NameWidth = width,
            });
        }
    }
}
