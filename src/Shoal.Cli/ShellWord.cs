namespace Shoal.Cli;

/// <summary>Words of the command lines that Shoal prints for people to copy. Thread-safe.</summary>
internal static class ShellWord
{
    /// <summary>The text as one word of a shell (POSIX): in quotes where it needs them.</summary>
    public static string Quote(string text) =>
        text.Length > 0 && text.All(character => char.IsAsciiLetterOrDigit(character) || "@%+:,./_-".Contains(character))
            ? text
            : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
