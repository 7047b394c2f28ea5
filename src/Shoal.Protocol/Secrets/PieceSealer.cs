using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Shoal.Protocol.Secrets;

/// <summary>
/// Seals and opens the pieces of one secret share (docs/secret-shares.md): AES-256-GCM, the piece's number as nonce. What it seals is a function
/// of key, piece and plaintext, and two plaintexts of one piece betray each other: <b>whoever lets a sealed piece out compares it with
/// the torrent's hash first</b>. Not thread-safe.
/// </summary>
public sealed class PieceSealer : IDisposable
{
    private const int NonceLength = 12;

    private readonly AesGcm _cipher;
    private readonly byte[] _associated;

    /// <summary>A sealer for the share that is cut so.</summary>
    public PieceSealer(SecretKey key, PieceLayout layout)
    {
        _cipher = new AesGcm(key.Derive("shoal secret 1 pieces"u8), SealedLayout.TagLength);
        _associated = Associated(layout);
    }

    /// <summary>Makes a piece of plaintext, which stands in <paramref name="piece"/> but for its last 16 bytes, the sealed one.</summary>
    public void Seal(PieceIndex index, Span<byte> piece)
    {
        Span<byte> nonce = stackalloc byte[NonceLength];
        WriteNonce(index, nonce);
        var text = piece[..^SealedLayout.TagLength];
        _cipher.Encrypt(nonce, text, text, piece[^SealedLayout.TagLength..], _associated);
    }

    /// <summary>Puts the plaintext of a sealed piece, which is 16 bytes shorter, into <paramref name="plain"/>. False, and nothing of it, if it is not what the key sealed there.</summary>
    public bool TryOpen(PieceIndex index, ReadOnlySpan<byte> piece, Span<byte> plain)
    {
        Span<byte> nonce = stackalloc byte[NonceLength];
        WriteNonce(index, nonce);
        try
        {
            _cipher.Decrypt(nonce, piece[..^SealedLayout.TagLength], piece[^SealedLayout.TagLength..], plain, _associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    /// <summary>Frees the cipher.</summary>
    public void Dispose() => _cipher.Dispose();

    /// <summary>What is bound to everything that is sealed: how the torrent is cut.</summary>
    internal static byte[] Associated(PieceLayout layout)
    {
        var bytes = new byte[sizeof(long) + sizeof(int)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, layout.TotalLength);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(sizeof(long)), layout.PieceLength);
        return bytes;
    }

    private static void WriteNonce(PieceIndex index, Span<byte> nonce)
    {
        nonce.Clear();
        BinaryPrimitives.WriteInt32BigEndian(nonce[^sizeof(int)..], index.Value);
    }
}
