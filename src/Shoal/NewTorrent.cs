using System.Security.Cryptography;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;
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

    /// <summary>
    /// Whether it is a secret share (docs/secret-shares.md): all is encrypted with a new key before it is hashed, and
    /// only who has <see cref="NewTorrent.Key"/> can read it.
    /// </summary>
    public bool IsSecret { get; init; }

    /// <summary>Whether peers may be had from the trackers only (BEP 27).</summary>
    public bool IsPrivate { get; init; }

    /// <summary>Whether who has the .torrent may look for it in the DHT, where strangers learn of it.</summary>
    public bool MayUseDht { get; init; } = true;

    /// <summary>What the file or folder is called by those who get it. Default null: as it is called here. Of a secret share only as here.</summary>
    public string? Name { get; init; }

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

    private NewTorrent(Metainfo metainfo, SecretShare? secret, PieceStore store)
    {
        Metainfo = metainfo;
        Content = secret?.Content ?? metainfo;
        Key = secret?.Key;
        _store = store;
        _owned = store;
    }

    /// <summary>What it says.</summary>
    public Metainfo Metainfo { get; }

    /// <summary>The files that are in it: of a secret share, those that only the holders of its key see.</summary>
    public Metainfo Content { get; }

    /// <summary>The key of a secret share, which belongs into a <see cref="SecretLink"/> and nowhere else; null if it is none.</summary>
    public SecretKey? Key { get; }

    /// <summary>The folder that the files' paths begin in.</summary>
    public string Root => _store.Root;

    /// <summary>Hashes a file or folder, with all processors.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="options">What else the torrent shall say.</param>
    /// <param name="progress">Gets bytes hashed, and bytes in all, from any thread.</param>
    /// <param name="warn">Gets a line for each thing in the folder that is left out.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="ShoalException">There is nothing there, it cannot be read, or it changed meanwhile.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The pieces of a secret share are shorter or longer than they may be.</exception>
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
            var layout = LayOut(scanned, options);
            var plain = options.IsSecret ? SealedLayout.PlainOf(layout)! : layout;
            store = PieceStore.Open(options.IsSecret ? Padded(scanned, plain) : scanned.Files, plain, scanned.Root, readOnly: true);
            if (store.ReadErrors.Count > 0)
            {
                throw store.ReadErrors.MinBy(entry => entry.Key).Value;
            }

            Action<long>? hashed = progress is null ? null : bytes => progress(bytes, layout.TotalLength);
            if (options.IsSecret)
            {
                return await SealAsync(scanned, layout, store, options, hashed, cancellationToken);
            }

            var hashes = await ContentHasher.HashAsync(store, hashed, cancellationToken);
            return new NewTorrent(Build(scanned with { Name = options.Name ?? scanned.Name }, layout, hashes, options), null, store);
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

    // Nothing of it is written anywhere: what is sealed here is hashed and forgotten, and sealed again when somebody asks for it.
    private static async Task<NewTorrent> SealAsync(
        ScannedContent scanned, PieceLayout layout, PieceStore store, NewTorrentOptions options, Action<long>? hashed, CancellationToken cancellationToken)
    {
        var key = new SecretKey(RandomNumberGenerator.GetBytes(SecretKey.Length));
        using var content = new SealedContent(store, layout, key);
        var header = SecretShare.SealHeader(new SecretHeader(scanned.Name, scanned.IsFolder, scanned.Files), key, layout);
        var hashes = header is null ? [] : await ContentHasher.HashAsync(content, hashed, cancellationToken);
        if (header is null || header.Length + hashes.Length > SecretShare.MaximumInfoLength)
        {
            throw new ShoalException(
                ShoalErrorKind.BadInput, $"'{scanned.Root}' cannot be a secret share: the names of its {scanned.Files.Count} files are too long to be sent with the torrent");
        }

        var outside = new ScannedContent(
            scanned.Root, $"sealed-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}", false, [new ContentFile("", layout.TotalLength, 0)]);
        var metainfo = Build(outside, layout, hashes, options, header);
        return SecretShare.TryOpen(metainfo, key, out var share, out var error)
            ? new NewTorrent(metainfo, share, store)
            : throw new ShoalException(ShoalErrorKind.BadInput, $"'{scanned.Root}' cannot be made a secret share of: {error}");
    }

    private static IReadOnlyList<ContentFile> Padded(ScannedContent scanned, PieceLayout plain) =>
        [.. scanned.Files, new ContentFile(".pad", plain.TotalLength - scanned.TotalLength, scanned.TotalLength, ContentAttributes.Padding)];

    private static PieceLayout LayOut(ScannedContent scanned, NewTorrentOptions options)
    {
        if (scanned.Files.Count == 0)
        {
            throw new ShoalException(ShoalErrorKind.BadInput, $"'{scanned.Root}' holds no file to share");
        }

        var length = options.PieceLength ?? PieceLengthRule.For(scanned.TotalLength);
        var layout = options.IsSecret ? SealedLayout.For(scanned.TotalLength, options.PieceLength)
            : scanned.TotalLength / length < PieceLayout.MaximumPieceCount ? new PieceLayout(scanned.TotalLength, length)
            : null;
        return layout ?? throw new ShoalException(
            ShoalErrorKind.BadInput, $"pieces of {length} bytes would be more than {PieceLayout.MaximumPieceCount}: choose longer ones");
    }

    private static Metainfo Build(
        ScannedContent scanned, PieceLayout layout, byte[] hashes, NewTorrentOptions options, ReadOnlyMemory<byte> sealedHeader = default)
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
            MayUseDht = options.MayUseDht,
            SealedHeader = sealedHeader,
            Comment = options.Comment,
            CreatedBy = options.CreatedBy,
            CreationDate = DateTimeOffset.UtcNow,
        };
        return builder.TryBuild(out var metainfo, out var error)
            ? metainfo
            : throw new ShoalException(ShoalErrorKind.BadInput, $"'{scanned.Root}' cannot be made a torrent of: {error}");
    }
}
