using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>
/// The sealed pieces of a secret share as a swarm wants them, over plain files (docs/secret-shares.md). Invariants: no byte of a piece leaves before the whole
/// of it had the torrent's hash, whatever became of the files; sealed blocks that cannot be opened yet lie in a file without a name. Thread-safe; every method blocks.
/// </summary>
public sealed class SealedStore : IPieceStore, IDisposable
{
    private readonly SealedContent _content;
    private readonly ReadOnlyMemory<byte> _pieceHashes;
    private readonly PieceCache _cache;
    private readonly SpilledBlocks _spilled;
    private volatile string? _forgery;

    /// <summary>The store over the content, which remains the caller's; <paramref name="pieceHashes"/> are the torrent's, 20 bytes a piece.</summary>
    public SealedStore(SealedContent content, ReadOnlyMemory<byte> pieceHashes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(pieceHashes.Length, content.Layout.PieceCount * PieceHash.Sha1Length, nameof(pieceHashes));
        _content = content;
        _pieceHashes = pieceHashes;
        _cache = new PieceCache(content.Layout, Load);
        _spilled = new SpilledBlocks(content.Plain.Root, content.Layout.PieceLength);
    }

    /// <summary>
    /// Why nothing can come of the download: a piece has the torrent's hash, and is not what the link's key sealed, so who made
    /// the torrent made it wrong. Null as long as there is none.
    /// </summary>
    public string? Forgery => _forgery;

    /// <summary>A whole piece, which had its hash, is opened and written to its files; anything less lies aside for <see cref="Read"/>.</summary>
    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < _content.Layout.LengthOf(piece))
        {
            _spilled.Write(piece, begin, bytes);
            return;
        }

        if (!_content.TryWrite(piece, bytes))
        {
            _forgery = $"piece {piece.Value} has the hash that the torrent says, and is not what the link's key sealed: whoever made this share made it wrong";
            throw new StorageException(_forgery);
        }

        _spilled.Forget(piece);
    }

    /// <summary>What lies aside of the piece, as it was put there; else of what is sealed.</summary>
    public void Read(PieceIndex piece, int begin, Span<byte> destination)
    {
        if (!_spilled.TryRead(piece, begin, destination))
        {
            _cache.CopyTo(new BlockRequest(piece, begin, destination.Length), destination);
        }
    }

    /// <summary>Blocks for others: sealed, and compared. See <see cref="IPieceStore.ReadBlocks"/>.</summary>
    /// <exception cref="StorageException">A file cannot be read, or is not what it was.</exception>
    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore)
    {
        var position = 0;
        foreach (var block in blocks)
        {
            position += gapBefore;
            _cache.CopyTo(block, destination.Slice(position, block.Length));
            position += block.Length;
        }

        return position;
    }

    /// <summary>Forgets what lies aside.</summary>
    public void Dispose()
    {
        _spilled.Dispose();
        _cache.Dispose();
    }

    private void Load(PieceIndex piece, Span<byte> destination)
    {
        _content.Read(piece, destination);
        if (PieceHasher.Hash(destination) != new PieceHash(_pieceHashes.Span.Slice(piece.Value * PieceHash.Sha1Length, PieceHash.Sha1Length)))
        {
            throw new StorageException(
                StorageErrorKind.Changed, $"piece {piece.Value} in '{_content.Plain.Root}' is not what it was when it was sealed, and is not sent");
        }
    }
}
