using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Shoal.Protocol.Metadata;

namespace Shoal.Protocol.Secrets;

/// <summary>
/// A <c>shoal:</c> link (docs/secret-shares.md): the magnet link of a secret share, and the key that opens it. No message of an error has the key in it. Immutable.
/// </summary>
/// <param name="Magnet">Where it is to be had: all that those need who only carry it.</param>
/// <param name="Key">What opens it.</param>
public sealed partial record SecretLink(MagnetLink Magnet, SecretKey Key)
{
    private const string Scheme = "shoal:?";
    private const string KeyParameter = "key=";

    /// <summary>Whether the text claims to be such a link, be it well formed or not.</summary>
    public static bool IsSecretLink([NotNullWhen(true)] string? text) =>
        text is not null && text.StartsWith("shoal:", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a link; if it is malformed, one line tells what is wrong.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SecretLink? link, out string error)
    {
        link = null;
        error = "";
        if (text is null || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            error = $"a shoal: link begins with '{Scheme}'";
            return false;
        }

        var parameters = text[Scheme.Length..].Split('&');
        string[] keys = [.. parameters.Where(IsKey)];
        if (keys.Length != 1 || !SecretKey.TryParse(keys[0].AsSpan(KeyParameter.Length), out var key))
        {
            error = keys.Length == 0 ? "the shoal: link has no key: was it cut?"
                : keys.Length > 1 ? "the shoal: link has more than one key"
                : "the shoal: link's key is malformed: was it cut?";
            return false;
        }

        if (MagnetLink.TryParse("magnet:?" + string.Join('&', parameters.Where(parameter => !IsKey(parameter))), out var magnet, out error))
        {
            link = new SecretLink(magnet, key);
        }

        error = error.Replace("magnet link", "shoal: link", StringComparison.Ordinal);
        return link is not null;
    }

    /// <summary>The link with its key, for those who shall read what is shared.</summary>
    public string Reveal() => $"{Scheme}{Magnet.ToString()["magnet:?".Length..]}&{KeyParameter}{Key.Reveal()}";

    /// <summary>Not the link: the magnet link, which has no key. Text ends up in logs.</summary>
    public override string ToString() => Magnet.ToString();

    /// <summary>A text of which nobody knows what is in it, without a key that is.</summary>
    public static string Redact(string text) => AnyKey().Replace(text, KeyParameter + "…");

    private static bool IsKey(string parameter) => parameter.StartsWith(KeyParameter, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex("key=[A-Za-z0-9_-]+", RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1000)]
    private static partial Regex AnyKey();
}
