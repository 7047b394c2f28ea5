using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Shoal.Protocol.Secrets;

/// <summary>
/// What opens a secret share (docs/secret-shares.md): 32 random bytes, used for one share and never again. Shows itself to nobody who does
/// not ask for <see cref="Reveal"/>. Immutable.
/// </summary>
public sealed class SecretKey
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 32;

    private readonly byte[] _bytes;

    /// <summary>A key of 32 bytes, which come from the system's random generator.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are more or fewer.</exception>
    public SecretKey(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Length, nameof(bytes));
        _bytes = bytes.ToArray();
    }

    /// <summary>Reads what <see cref="Reveal"/> wrote, in its one form.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out SecretKey? key)
    {
        key = null;
        Span<byte> bytes = stackalloc byte[Length];
        if (text.Length == Base64Url.GetEncodedLength(Length) && Base64Url.IsValid(text) &&
            Base64Url.TryDecodeFromChars(text, bytes, out var written) && written == Length)
        {
            key = new SecretKey(bytes);
            key = text.SequenceEqual(key.Reveal()) ? key : null; // the last character has bits to spare
        }

        return key is not null;
    }

    /// <summary>The key as it stands in a link: base64url, 43 characters.</summary>
    public string Reveal() => Base64Url.EncodeToString(_bytes);

    /// <summary>Not the key: text that ends up in a log.</summary>
    public override string ToString() => "(secret)";

    /// <summary>The key for one purpose, 32 bytes.</summary>
    internal byte[] Derive(ReadOnlySpan<byte> purpose)
    {
        var derived = new byte[Length];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _bytes, derived, salt: [], info: purpose);
        return derived;
    }
}
