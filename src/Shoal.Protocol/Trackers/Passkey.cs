using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Shoal.Protocol.Trackers;

/// <summary>
/// Tells a tracker who announces: 16 bytes, as 32 hexadecimal digits the first part of the announce URL's path. It follows from a token and shows
/// nothing of it. The default is none. Immutable.
/// </summary>
public readonly record struct Passkey
{
    /// <summary>Hexadecimal digits of one.</summary>
    public const int TextLength = 32;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdefABCDEF");

    private readonly UInt128 _value;

    private Passkey(UInt128 value) => _value = value;

    /// <summary>The passkey of whoever holds the token of which this is the SHA-256, in hexadecimal digits of either case.</summary>
    public static Passkey OfTokenHash(string hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes($"shoal passkey {hash.ToLowerInvariant()}"));
        return new Passkey(BinaryPrimitives.ReadUInt128BigEndian(digest));
    }

    /// <summary>The passkey of whoever holds the token.</summary>
    public static Passkey OfToken(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return OfTokenHash(Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token))));
    }

    /// <summary>
    /// Takes the passkey off the front of a path, <c>/PASSKEY/announce</c>, of which <c>/announce</c> is left. Leaves the path alone and returns false if
    /// it does not begin with one. Allocates nothing.
    /// </summary>
    public static bool TryTake(ref ReadOnlySpan<byte> path, out Passkey passkey)
    {
        Span<byte> bytes = stackalloc byte[TextLength / 2];
        passkey = default;
        if (path.Length < TextLength + 2 || path[0] != '/' || path[TextLength + 1] != '/' ||
            Convert.FromHexString(path[1..(TextLength + 1)], bytes, out _, out _) != OperationStatus.Done)
        {
            return false;
        }

        passkey = new Passkey(BinaryPrimitives.ReadUInt128BigEndian(bytes));
        path = path[(TextLength + 1)..];
        return true;
    }

    /// <summary>
    /// The text as it may be shown and logged: with "…" for each passkey in its URLs, even where a proxy put the tracker at a path and it is not the
    /// first part. Linear in the text.
    /// </summary>
    public static string Redact(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder? shown = null;
        var (isInUrl, copied) = (false, 0);
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsWhiteSpace(text[i]))
            {
                isInUrl = false;
            }
            else if (text[i] == '/' && i >= 2 && text[i - 1] == '/' && text[i - 2] == ':')
            {
                isInUrl = true; // what follows is the host
            }
            else if (text[i] == '/' && isInUrl && i + TextLength + 1 < text.Length && text[i + TextLength + 1] == '/' &&
                !text.AsSpan(i + 1, TextLength).ContainsAnyExcept(Digits))
            {
                shown = (shown ?? new StringBuilder()).Append(text, copied, i + 1 - copied).Append('…');
                copied = i + TextLength + 1;
                i += TextLength;
            }
        }

        return shown is null ? text : shown.Append(text, copied, text.Length - copied).ToString();
    }

    /// <summary>The 32 digits, in lower case.</summary>
    public override string ToString() => _value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}
