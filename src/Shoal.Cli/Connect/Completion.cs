using System.Text;
using Shoal.Protocol.Catalogue;

namespace Shoal.Cli.Connect;

/// <summary>A word that could stand at the cursor; whole, or the beginning of longer ones.</summary>
internal readonly record struct Candidate(string Word, bool IsWhole);

/// <summary>What is to be put in the place of the line's end, and what else there is to choose from.</summary>
/// <param name="Start">Where in the line the word begins.</param>
/// <param name="With">The word as it is written, as far as it is certain.</param>
/// <param name="Choices">The candidates, where it is not; without the part that all have in common up to the last slash.</param>
internal sealed record CompletionResult(int Start, string With, IReadOnlyList<string> Choices);

/// <summary>Completes the word at the cursor: commands, names of the catalogue level by level, files of this machine.</summary>
internal sealed class Completion(ConnectSession session)
{
    private const int MostNames = 1000; // a page of the catalogue
    private const int MostFiles = 10_000;

    /// <summary>Completes the line's last word; null if nothing fits.</summary>
    /// <param name="line">The line up to the cursor.</param>
    /// <param name="stop">Ends it early: the catalogue may be slow.</param>
    /// <exception cref="ShoalException">The catalogue does not answer.</exception>
    public async Task<CompletionResult?> CompleteAsync(string line, CancellationToken stop)
    {
        var word = Words.At(line[(line.LastIndexOf('\n') + 1)..]);
        var start = word.Start + line.LastIndexOf('\n') + 1;
        var candidates = (await FindAsync(word, stop)).Distinct().OrderBy(candidate => candidate.Word, StringComparer.Ordinal).ToList();
        if (candidates.Count == 0)
        {
            return null;
        }

        if (candidates is [var only])
        {
            return new CompletionResult(start, Words.Quote(only.Word, word.Quote, only.IsWhole) + (only.IsWhole ? " " : ""), []);
        }

        var common = CommonStart(candidates.Select(candidate => candidate.Word));
        var level = common.LastIndexOf('/') + 1;
        return new CompletionResult(
            start, common.Length > word.Value.Length ? Words.Quote(common, word.Quote, isWhole: false) : line[start..],
            [.. candidates.Select(candidate => candidate.Word[level..])]);
    }

    private async Task<IEnumerable<Candidate>> FindAsync(WordAtCursor word, CancellationToken stop)
    {
        if (word.Before.Count == 0)
        {
            return Commands(word.Value);
        }

        if (ConnectVerb.All.FirstOrDefault(verb => verb.Name == word.Before[0]) is not { } verb)
        {
            return [];
        }

        return word.Before.Count switch
        {
            1 => await FindAsync(verb.First, word.Value, stop),
            2 when verb.Keyword is { } keyword => Fitting([keyword], word.Value),
            3 when verb.Keyword is not null => await FindAsync(verb.Second, word.Value, stop),
            _ => [],
        };
    }

    private async Task<IEnumerable<Candidate>> FindAsync(WordKind kind, string text, CancellationToken stop) => kind switch
    {
        WordKind.Path => Files(text, onlyFolders: false),
        WordKind.Folder => Files(text, onlyFolders: true),
        WordKind.Name or WordKind.Pattern => await NamesAsync(text, stop),
        WordKind.Command => Commands(text),
        _ => [],
    };

    private static IEnumerable<Candidate> Commands(string text) => Fitting(ConnectVerb.All.Select(verb => verb.Name), text);

    private static IEnumerable<Candidate> Fitting(IEnumerable<string> words, string text) =>
        words.Where(word => word.StartsWith(text, StringComparison.Ordinal)).Select(word => new Candidate(word, IsWhole: true));

    // Of names that go on behind the next slash, only the level.
    private async Task<IEnumerable<Candidate>> NamesAsync(string text, CancellationToken stop)
    {
        var begun = Composition.Compose(text);
        var page = await session.Context.Catalogue.ListAsync(PatternFor(begun), CatalogueOrder.Name, MostNames, cancellationToken: stop);
        return page.Entries.Select(entry => entry.Name)
            .Where(name => name.StartsWith(begun, StringComparison.Ordinal) && CatalogueName.TryParse(name, out _, out _))
            .Select(name => name.IndexOf('/', begun.Length) is >= 0 and var slash ? new Candidate(name[..(slash + 1)], IsWhole: false) : new Candidate(name, IsWhole: true));
    }

    private static string PatternFor(string begun)
    {
        var pattern = new StringBuilder();
        foreach (var character in begun)
        {
            pattern.Append(character is '?' or '*' or '[' or ']' or '{' or '}' or ',' or '\\' ? "\\" : "").Append(character);
        }

        return pattern.Append("**").ToString();
    }

    private static IEnumerable<Candidate> Files(string text, bool onlyFolders)
    {
        if (text == "~")
        {
            return [new Candidate("~/", IsWhole: false)];
        }

        var slash = text.LastIndexOfAny([Path.DirectorySeparatorChar, '/']) + 1;
        var (folder, begun) = (text[..slash], text[slash..]);
        try
        {
            return [.. new DirectoryInfo(ConnectSession.PathOf(folder.Length == 0 ? "." : folder)).EnumerateFileSystemInfos().Take(MostFiles)
                .Where(entry => entry.Name.StartsWith(begun, StringComparison.Ordinal) && (begun.Length > 0 || entry.Name[0] != '.') && !entry.Name.Any(char.IsControl))
                .Select(entry => (entry.Name, IsFolder: Directory.Exists(entry.FullName)))
                .Where(entry => entry.IsFolder || !onlyFolders)
                .Select(entry => new Candidate($"{folder}{entry.Name}{(entry.IsFolder ? "/" : "")}", !entry.IsFolder)),];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    private static string CommonStart(IEnumerable<string> words) =>
        words.Aggregate((one, other) => one[..one.AsSpan().CommonPrefixLength(other)]);
}
