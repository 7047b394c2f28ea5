using System.Text;

namespace Shoal.Cli.Connect;

/// <summary>A word that is being typed, up to the cursor.</summary>
/// <param name="Before">The words before it.</param>
/// <param name="Start">Where it begins in the line.</param>
/// <param name="Value">What it says, without quotes.</param>
/// <param name="Quote">The quote that is open at its end; NUL for none.</param>
internal sealed record WordAtCursor(IReadOnlyList<string> Before, int Start, string Value, char Quote);

/// <summary>
/// A line taken apart into words as a shell does: blanks between them, <c>'…'</c> as it is, <c>"…"</c> where a backslash takes the next quote or
/// backslash as it is, and outside of quotes a backslash any character. (On Windows, whose paths are full of them, a backslash is a character as
/// any other.) What begins with <c>#</c> is a comment. Nothing is expanded.
/// </summary>
internal static class Words
{
    private static readonly bool HasEscapes = !OperatingSystem.IsWindows();

    /// <summary>The words of a line; a quote that is not closed is an error.</summary>
    /// <exception cref="UserErrorException">A quote is not closed.</exception>
    public static IReadOnlyList<string> Split(string line)
    {
        var (words, last) = Read(line);
        return last is not { Quote: not '\0' and var quote } ? [.. words, .. last is null ? (string[])[] : [last.Value]]
            : throw new UserErrorException($"the quote {quote} is not closed");
    }

    /// <summary>The word that ends where the line does; an empty one behind a blank.</summary>
    public static WordAtCursor At(string line)
    {
        var (words, last) = Read(line);
        return last ?? new WordAtCursor(words, line.Length, "", '\0');
    }

    /// <summary>How a word is written, within the quote if one is open; closed, if it is all of it.</summary>
    public static string Quote(string word, char quote, bool isWhole)
    {
        if (quote == '\0' && !HasEscapes && word.Any(IsSpecial))
        {
            quote = '"';
        }

        if (quote == '\'' && word.Contains('\'', StringComparison.Ordinal))
        {
            quote = HasEscapes ? '\0' : '"';
        }

        var text = new StringBuilder();
        foreach (var character in word)
        {
            text.Append(HasEscapes && (quote == '\0' ? IsSpecial(character) : quote == '"' && character is '"' or '\\') ? "\\" : "").Append(character);
        }

        return quote == '\0' ? text.ToString() : $"{quote}{text}{(isWhole ? quote : "")}";
    }

    private static bool IsSpecial(char character) => char.IsWhiteSpace(character) || character is '"' or '\'' or '\\' or '#';

    private static (List<string> Words, WordAtCursor? Last) Read(string line)
    {
        List<string> words = [];
        StringBuilder? word = null;
        var (start, quote) = (0, '\0');
        for (var i = 0; i < line.Length; i++)
        {
            var character = line[i];
            var takesNext = HasEscapes && character == '\\' && i + 1 < line.Length && (quote == '\0' || (quote == '"' && line[i + 1] is '"' or '\\'));
            if (word is null && character == '#')
            {
                return (words, null);
            }

            if (quote == '\0' && char.IsWhiteSpace(character))
            {
                if (word is not null)
                {
                    words.Add(word.ToString());
                    word = null;
                }

                continue;
            }

            if (word is null)
            {
                (word, start) = (new StringBuilder(), i);
            }

            if (takesNext)
            {
                word.Append(line[++i]);
            }
            else if (quote == '\0' ? character is '"' or '\'' : character == quote)
            {
                quote = quote == '\0' ? character : '\0';
            }
            else
            {
                word.Append(character);
            }
        }

        return (words, word is null ? null : new WordAtCursor(words, start, word.ToString(), quote));
    }
}
