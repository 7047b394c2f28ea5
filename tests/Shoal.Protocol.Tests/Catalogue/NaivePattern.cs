using System.Text;

namespace Shoal.Protocol.Tests.Catalogue;

/// <summary>
/// What a pattern means, spelled out with no thought of cost: braces are expanded, and what comes of it is tried token by
/// token. Made at random together with its text, and makes names that it matches, or almost.
/// </summary>
internal sealed class NaivePattern
{
    // All that names are made of.
    private static readonly string[] Characters = ["a", "b", "c", "é", "模", "😀", "𝒳", "/", "-", ",", "*", "]"];

    // With those of the characters that each takes.
    private static readonly Token[] Classes =
    [
        new(Kind.One, "?", "abcé模😀𝒳-,*]"), new(Kind.One, "[ab]", "ab"), new(Kind.One, "[!ab]", "cé模😀𝒳-,*]"),
        new(Kind.One, "[^é]", "abc模😀𝒳-,*]"), new(Kind.One, "[a-é]", "abcé"), new(Kind.One, "[模-😀]", "模😀𝒳"),
        new(Kind.One, "[!😀-😂a]", "bcé模𝒳-,*]"), new(Kind.One, "[]a-]", "]a-"), new(Kind.One, "[+-9]", ",-"),
        new(Kind.One, @"[\]\-]", "]-"), new(Kind.One, "[!]]", "abcé模😀𝒳-,*"), new(Kind.One, "[[,]", ","),
        new(Kind.One, "[a/]", "a", "a"), new(Kind.One, "[a-a]", "a", "a"),
    ];

    private static readonly Token[] Stars = [new(Kind.Run, "*"), new(Kind.Anything, "**"), new(Kind.Anything, "***"), new(Kind.Levels, "**/")];

    private readonly Token[][] _expansions;

    private NaivePattern(string text, Token[][] expansions)
    {
        Text = text;
        _expansions = expansions;
    }

    private enum Kind
    {
        One,
        Run,
        Anything,
        Levels,
    }

    public string Text { get; }

    // All that match begin alike up to where some expansion has a choice, or ends.
    public string Prefix
    {
        get
        {
            string[][] heads = [.. _expansions.Select(expansion => expansion.TakeWhile(token => token.Only is not null).Select(token => token.Only!).ToArray())];
            var length = 0;
            while (heads.All(head => head.Length > length && head[length] == heads[0][length]))
            {
                length++;
            }

            return string.Concat(heads[0].Take(length));
        }
    }

    public bool IsLiteral => _expansions.All(expansion => expansion.All(token => token.Only is not null) &&
        string.Concat(expansion.Select(token => token.Only)) == Prefix);

    public static NaivePattern Make(Random random)
    {
        while (true)
        {
            var text = new StringBuilder();
            var expansions = MakeSequence(random, text, depth: 0);

            // What takes time here grows with a power of the stars.
            if (text.Length < 300 && expansions.Length < 300 && expansions.All(expansion => expansion.Count(token => token.Kind != Kind.One) <= 6))
            {
                return new NaivePattern(text.ToString(), expansions);
            }
        }
    }

    public bool IsMatch(string name)
    {
        string[] characters = [.. name.EnumerateRunes().Select(rune => rune.ToString())];
        return _expansions.Any(expansion => IsMatch(expansion, 0, characters, 0));
    }

    public string MakeName(Random random)
    {
        var parts = Pick(random, _expansions).Select(token => token.Kind switch
        {
            Kind.One => Pick(random, [.. token.Members.EnumerateRunes()]).ToString(),
            Kind.Run => Pick(random, ["", "a", "b", "é😀"]),
            Kind.Anything => Pick(random, ["", "a", "/", "模/b", "a/a/"]),
            _ => Pick(random, ["", "/", "a/", "b/é/"]),
        });
        List<Rune> name = [.. string.Concat(parts).EnumerateRunes()];
        if (random.Next(4) == 0 && name.Count > 0)
        {
            name.RemoveAt(random.Next(name.Count));
        }

        if (random.Next(4) == 0)
        {
            name.Insert(random.Next(name.Count + 1), Rune.GetRuneAt(Pick(random, Characters), 0));
        }

        return string.Concat(name);
    }

    private static bool IsMatch(Token[] tokens, int index, string[] name, int at)
    {
        if (index == tokens.Length)
        {
            return at == name.Length;
        }

        var token = tokens[index];
        var ends = Enumerable.Range(at, name.Length - at + 1);
        var isLevel = index == 0 || tokens[index - 1].EndsLevel;
        return token.Kind switch
        {
            Kind.Run => ends.Any(end => !name[at..end].Contains("/") && IsMatch(tokens, index + 1, name, end)),
            Kind.Anything => ends.Any(end => IsMatch(tokens, index + 1, name, end)),
            Kind.Levels => ends.Any(end => (end == at ? isLevel : name[end - 1] == "/") && IsMatch(tokens, index + 1, name, end)),
            _ => at < name.Length && token.Members.Contains(name[at], StringComparison.Ordinal) && IsMatch(tokens, index + 1, name, at + 1),
        };
    }

    private static Token[][] MakeSequence(Random random, StringBuilder text, int depth)
    {
        Token[][] expansions = [[]];
        Token? last = null;
        for (var length = random.Next(depth == 0 ? 1 : 0, 7 - depth); length > 0; length--)
        {
            if (depth < 3 && expansions.Length < 10 && random.Next(6) == 0)
            {
                expansions = Product(expansions, MakeBraces(random, text, depth + 1));
                last = null;
                continue;
            }

            var token = Pick(random, [MakeLiteral(random, depth), Pick(random, Classes), Pick(random, Stars)]);
            if (last is not { Kind: Kind.Run or Kind.Anything } || !token.ReadsOtherwiseAfterStars)
            {
                expansions = Product(expansions, [[token]]);
                text.Append(token.Text);
                last = token;
            }
        }

        return text.Length == 0 ? MakeSequence(random, text, depth) : expansions;
    }

    private static Token[][] MakeBraces(Random random, StringBuilder text, int depth)
    {
        var start = text.Length;
        List<Token[]> all = [];
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            text.Append(all.Count == 0 ? '{' : ',');
            all.AddRange(MakeSequence(random, text, depth));
        }

        // "{}" is no pattern, but an alternative may be empty.
        text.Append(text.Length == start + 1 ? ",}" : "}");
        return [.. all];
    }

    private static Token[][] Product(Token[][] left, Token[][] right) =>
        [.. left.SelectMany(first => right.Select(second => (Token[])[.. first, .. second]))];

    private static Token MakeLiteral(Random random, int depth)
    {
        var character = random.Next(3) == 0 ? "/" : Pick(random, Characters);
        var mustEscape = character is "*" or "]" || (character == "," && depth > 0);
        return new Token(Kind.One, mustEscape || random.Next(8) == 0 ? @"\" + character : character, character, character);
    }

    private static T Pick<T>(Random random, T[] all) => all[random.Next(all.Length)];

    private sealed record Token(Kind Kind, string Text, string Members = "", string? Only = null)
    {
        public bool EndsLevel => Kind == Kind.Levels || Only == "/";

        public bool ReadsOtherwiseAfterStars => Text[0] is '*' or '/';
    }
}
