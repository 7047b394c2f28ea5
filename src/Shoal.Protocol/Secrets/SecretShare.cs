using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Shoal.Protocol.Metadata;

namespace Shoal.Protocol.Secrets;

/// <summary>
/// A secret share that was opened (docs/secret-shares.md): the torrent that the world sees, and the files that are in it. Both have
/// the same pieces by number; those of the content are 16 bytes shorter. Immutable.
/// </summary>
public sealed class SecretShare
{
    /// <summary>The longest sealed header, in bytes: one of 8 MiB, since metadata of 16 MiB is all that peers exchange.</summary>
    public const int MaximumHeaderLength = 1 + (8 * 1024 * 1024) + SealedLayout.TagLength;

    /// <summary>The longest info dictionary but for its small parts, in bytes: the header and the pieces' hashes.</summary>
    public const int MaximumInfoLength = (16 * 1024 * 1024) - 1024;

    private const byte Version = 1;

    private SecretShare(Metainfo sealedTorrent, Metainfo content, SecretKey key)
    {
        Sealed = sealedTorrent;
        Content = content;
        Key = key;
    }

    /// <summary>The torrent.</summary>
    public Metainfo Sealed { get; }

    /// <summary>The files, and padding to the plaintext's end. Its info-hash and piece hashes are the torrent's.</summary>
    public Metainfo Content { get; }

    /// <summary>What opens it.</summary>
    public SecretKey Key { get; }

    /// <summary>Seals the header of a torrent that is cut so. Once for a key. Null: it would be too long.</summary>
    public static byte[]? SealHeader(SecretHeader header, SecretKey key, PieceLayout layout)
    {
        var plain = header.Encode();
        if (plain.Length + 1 + SealedLayout.TagLength > MaximumHeaderLength)
        {
            return null;
        }

        var bytes = new byte[1 + plain.Length + SealedLayout.TagLength];
        bytes[0] = Version;
        using var cipher = HeaderCipher(key);
        cipher.Encrypt(new byte[12], plain, bytes.AsSpan(1, plain.Length), bytes.AsSpan(1 + plain.Length), [Version, .. PieceSealer.Associated(layout)]);
        return bytes;
    }

    /// <summary>Opens a torrent with the key of its link, or one line tells why it cannot be. Never throws for what the torrent holds.</summary>
    public static bool TryOpen(
        Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error, PathRules? rules = null)
    {
        share = null;
        var header = torrent.SealedHeader.Span;
        error = header.IsEmpty ? "it is no secret share, and the link has a key"
            : header[0] != Version ? $"it is sealed by version {header[0]} of the format, which is not known here"
            : SealedLayout.PlainOf(torrent.Layout) is null || header.Length <= 1 + SealedLayout.TagLength || header.Length > MaximumHeaderLength ? "it is no well-formed secret share"
            : "";
        if (error.Length > 0)
        {
            return false;
        }

        var plain = new byte[header.Length - 1 - SealedLayout.TagLength];
        try
        {
            using var cipher = HeaderCipher(key);
            cipher.Decrypt(
                new byte[12], header[1..^SealedLayout.TagLength], header[^SealedLayout.TagLength..], plain, [Version, .. PieceSealer.Associated(torrent.Layout)]);
        }
        catch (AuthenticationTagMismatchException)
        {
            error = "the link's key does not open it";
            return false;
        }

        if (!SecretHeader.TryDecode(plain, out var read, out var wrong, rules))
        {
            error = $"its file list is malformed: {wrong}";
            return false;
        }

        share = Of(torrent, read, key, out error);
        return share is not null;
    }

    private static SecretShare? Of(Metainfo torrent, SecretHeader header, SecretKey key, out string error)
    {
        var layout = SealedLayout.PlainOf(torrent.Layout)!;
        var padding = layout.TotalLength - header.ContentLength;
        error = padding < 0 ? $"its files are longer than what is sealed ({header.ContentLength} bytes of {layout.TotalLength})" : "";
        return padding < 0 ? null : new SecretShare(
            torrent,
            new Metainfo
            {
                InfoHash = torrent.InfoHash,
                Name = header.Name,
                IsFolder = header.IsFolder,
                Layout = layout,
                Files = [.. header.Files, new ContentFile(".pad", padding, header.ContentLength, ContentAttributes.Padding)],
                PieceHashes = torrent.PieceHashes,
                IsPrivate = torrent.IsPrivate,
                IsHybrid = false,
                InfoBytes = torrent.InfoBytes,
                Trackers = torrent.Trackers,
                WebSeeds = torrent.WebSeeds,
                Nodes = torrent.Nodes,
                MayUseDht = torrent.MayUseDht,
            },
            key);
    }

    private static AesGcm HeaderCipher(SecretKey key) => new(key.Derive("shoal secret 1 header"u8), SealedLayout.TagLength);
}
