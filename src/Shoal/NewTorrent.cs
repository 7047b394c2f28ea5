using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal;

/// <summary>What a new torrent shall say beside its content. Immutable.</summary>
public sealed record NewTorrentOptions
{
    /// <summary>Trackers, each a tier of its own (BEP 12).</summary>
    public IReadOnlyList<string> Trackers { get; init; } = [];

    /// <summary>URLs of web seeds (BEP 19).</summary>
    public IReadOnlyList<string> WebSeeds { get; init; } = [];

    /// <summary>Bytes in a piece. Null: as suits the size.</summary>
    public int? PieceLength { get; init; }

    /// <summary>Whether peers may be had from the trackers only (BEP 27).</summary>
    public bool IsPrivate { get; init; }

    /// <summary>A comment.</summary>
    public string? Comment { get; init; }

    /// <summary>The program that makes it.</summary>
    public string? CreatedBy { get; init; }
}

/// <summary>
/// A torrent made of a file or folder on this machine: its metainfo, and the content, watched from before it was hashed,
/// so that what changes meanwhile is never served as good. Dispose unless it is shared.
/// </summary>
public sealed class NewTorrent : IDisposable
{
    private readonly PieceStore _store;
    private PieceStore? _owned;

    private NewTorrent(Metainfo metainfo, PieceStore store)
    {
        Metainfo = metainfo;
        _store = store;
        _owned = store;
    }

    /// <summary>What it says.</summary>
    public Metainfo Metainfo { get; }

    /// <summary>The folder that the files' paths begin in.</summary>
    public string Root => _store.Root;

    /// <summary>Hashes a file or folder, with all processors.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">What else the torrent shall say.</param>
    /// <param name="progress">Gets bytes hashed, and bytes in all, from any thread.</param>
    /// <param name="warn">Gets a line for each thing in the folder that is left out.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="ShoalException">There is nothing there, it cannot be read, or it changed meanwhile.</exception>
    public static async Task<NewTorrent> HashAsync(
        string path, NewTorrentOptions? options = null, Action<long, long>? progress = null, Action<string>? warn = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new NewTorrentOptions();
        PieceStore? store = null;
        try
        {
            var scanned = await Task.Run(() => ContentScanner.Scan(path, warn), cancellationToken);
            var layout = LayOut(scanned, options.PieceLength);
            store = PieceStore.Open(scanned.Files, layout, scanned.Root, readOnly: true);
            if (store.ReadErrors.Count > 0)
            {
                throw store.ReadErrors.MinBy(entry => entry.Key).Value;
            }

            var hashes = await ContentHasher.HashAsync(
                store, progress is null ? null : bytes => progress(bytes, layout.TotalLength), cancellationToken);
            return new NewTorrent(Build(scanned, layout, hashes, options), store);
        }
        catch (StorageException error)
        {
            store?.Dispose();
            var kind = error.Kind == StorageErrorKind.PermissionDenied ? ShoalErrorKind.Environment : ShoalErrorKind.BadInput;
            throw new ShoalException(kind, error.Message, error);
        }
        catch
        {
            store?.Dispose();
            throw;
        }
    }

    /// <summary>Closes the files, unless the torrent is shared.</summary>
    public void Dispose() => _owned?.Dispose();

    /// <summary>Hands the content over: who takes it closes it.</summary>
    internal PieceStore TakeStore()
    {
        _owned = null;
        return _store;
    }

    private static PieceLayout LayOut(ScannedContent scanned, int? pieceLength)
    {
        if (scanned.Files.Count == 0)
        {
            throw new ShoalException(ShoalErrorKind.BadInput, $"'{scanned.Root}' holds no file to share");
        }

        var length = pieceLength ?? PieceLengthRule.For(scanned.TotalLength);
        return scanned.TotalLength / length < PieceLayout.MaximumPieceCount
            ? new PieceLayout(scanned.TotalLength, length)
            : throw new ShoalException(
                ShoalErrorKind.BadInput, $"pieces of {length} bytes would be more than {PieceLayout.MaximumPieceCount}: choose longer ones");
    }

    private static Metainfo Build(ScannedContent scanned, PieceLayout layout, byte[] hashes, NewTorrentOptions options)
    {
        var builder = new MetainfoBuilder
        {
            Name = scanned.Name,
            IsFolder = scanned.IsFolder,
            Files = [.. scanned.Files.Select(file => new NewFile(file.Path, file.Length, file.Attributes))],
            PieceLength = layout.PieceLength,
            PieceHashes = hashes,
            Trackers = [.. options.Trackers.Select(tracker => (IReadOnlyList<string>)[tracker])],
            WebSeeds = options.WebSeeds,
            IsPrivate = options.IsPrivate,
            Comment = options.Comment,
            CreatedBy = options.CreatedBy,
            CreationDate = DateTimeOffset.UtcNow,
        };
        return builder.TryBuild(out var metainfo, out var error)
            ? metainfo
            : throw new ShoalException(ShoalErrorKind.BadInput, $"'{scanned.Root}' cannot be made a torrent of: {error}");
    }
}
