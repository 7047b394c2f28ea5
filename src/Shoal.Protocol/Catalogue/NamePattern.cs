using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Shoal.Protocol.Catalogue;

/// <summary>
/// Says which names are meant, as shells do. Case counts. Of a level, which is what stands between slashes:
/// <list type="bullet">
/// <item><c>?</c> is one character (a Unicode scalar), <c>*</c> any number of them, none as well; neither is ever a slash.</item>
/// <item><c>[a-z_]</c> is one of these, <c>[!a-z]</c> and <c>[^a-z]</c> one of the others; never a slash. A <c>]</c> that comes
/// first, and a <c>-</c> that comes first or last, stands for itself.</item>
/// <item><c>**/</c> where a level begins is any number of whole levels, none as well: <c>a/**/b</c> matches <c>a/b</c> and <c>a/x/y/b</c>.
/// Anywhere else <c>**</c> is any characters, slashes too. More than two stars are as two.</item>
/// <item><c>{a,b/c}</c> is one or the other. Either may be empty and may have any of these in it. A pattern with braces matches
/// what any of its expansions matches.</item>
/// <item>A backslash takes the next character's meaning from it.</item>
/// </list>
/// Immutable and thread-safe.
/// </summary>
public sealed class NamePattern
{
    /// <summary>The longest pattern, in bytes of UTF-8.</summary>
    public const int MaximumLength = 1024;

    // Shorter ones stand in most names.
    private const int LeastRunLength = 3;

    private readonly string _suffix;
    private readonly string _run; // what stands somewhere in every name that matches, perhaps empty
    private readonly bool _isRunWorthwhile;
    private readonly PatternAutomaton? _rest;

    private NamePattern(string text, PatternGraph graph, string run)
    {
        Text = text;
        Prefix = graph.Prefix(out var next);
        _suffix = graph.Suffix();
        _run = run;
        _isRunWorthwhile = run.Length >= LeastRunLength && run != Prefix && run != _suffix;
        _rest = next.Count == 1 && next[graph.Count - 1] ? null : new PatternAutomaton(graph, next);
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>
    /// The longest text with which every name that matches begins, perhaps empty: in a sorted list of names, all that can
    /// match stand together behind it.
    /// </summary>
    public string Prefix { get; }

    /// <summary>Whether there is one name that matches, which is then <see cref="Prefix"/>.</summary>
    public bool IsLiteral => _rest is null;

    /// <summary>
    /// Reads a pattern; if it is malformed, one clause tells what is wrong and at which character, counted from 1. The clause
    /// repeats nothing of the text that a terminal would mind.
    /// </summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out NamePattern? pattern, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        pattern = null;
        if (text.Length == 0)
        {
            error = "the pattern is empty";
            return false;
        }

        var length = Encoding.UTF8.GetByteCount(text);
        if (length > MaximumLength)
        {
            error = $"the pattern is {length} bytes long, of at most {MaximumLength}";
            return false;
        }

        // It would match no name, for a reason that nobody sees.
        var uncomposed = Composition.FirstUncomposed(text);
        if (uncomposed >= 0)
        {
            error = $"the pattern is not composed as Unicode's NFC demands (at character {CatalogueName.CharacterNumber(text, uncomposed)})";
            return false;
        }

        pattern = PatternReader.Read(text, out var run, out error) is { } graph ? new NamePattern(text, graph, run) : null;
        return pattern is not null;
    }

    /// <summary>
    /// Whether the whole name matches. Takes time in proportion to the name for every pattern, and allocates nothing. Most
    /// names that do not match are known by how they begin or end, or by what they lack.
    /// </summary>
    public bool IsMatch(ReadOnlySpan<char> name) =>
        name.StartsWith(Prefix) && (_rest is null ? name.Length == Prefix.Length : name.EndsWith(_suffix) && (!_isRunWorthwhile || name.IndexOf(_run) >= 0) && _rest.Accepts(name[Prefix.Length..]));

    /// <summary>
    /// Whether any part of the text can be a name that matches: false, and quickly so, if the text lacks what each of them has. True tells nothing.
    /// </summary>
    public bool CanMatchWithin(ReadOnlySpan<char> text) => text.IndexOf(_run) >= 0;

    /// <summary>The pattern as it was written.</summary>
    public override string ToString() => Text;
}
