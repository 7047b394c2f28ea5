using Shoal.Engine;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal;

/// <summary>
/// A torrent's content on disk, from the first look to the last record. What blocks belongs on worker threads, and is
/// called one at a time. All throw <see cref="StorageException"/> when the disk fails.
/// </summary>
internal sealed class TorrentContent : IDisposable
{
    private readonly Metainfo _metainfo;
    private readonly HashSet<int> _selected; // files, by index
    private readonly PieceLayout _layout; // of what peers exchange
    private readonly SealedContent? _sealed;
    private readonly SealedStore? _sealedStore;
    private ResumeRecorder? _recorder;

    private TorrentContent(Metainfo metainfo, SecretShare? secret, PieceStore store, AddOptions options)
    {
        _metainfo = metainfo;
        _layout = secret?.Sealed.Layout ?? metainfo.Layout;
        // Padding of a secret share too, though it could be made here: who had it from the start would show where the content ends.
        var selected = new HashSet<ContentFile>(FileSelection.Select(metainfo, options), ReferenceEqualityComparer.Instance);
        _selected = [.. Enumerable.Range(0, metainfo.Files.Count).Where(file => selected.Contains(metainfo.Files[file]))];
        Store = store;
        if (secret is not null)
        {
            _sealed = new SealedContent(store, _layout, secret.Key);
            _sealedStore = new SealedStore(_sealed, metainfo.PieceHashes);
        }

        IPieceStore pieces = (IPieceStore?)_sealedStore ?? store;
        Pieces = store.IsReadOnly ? new ReadOnlyStore(pieces, store.Root) : pieces;
        Wanted = FileSelection.PiecesOf(metainfo.Layout, selected);
        WantedBytes = FileSelection.BytesOf(_layout, Wanted);
    }

    /// <summary>The files.</summary>
    public PieceStore Store { get; }

    /// <summary>What peers exchange: the files' pieces, or what they are sealed to.</summary>
    public IPieceStore Pieces { get; }

    /// <summary>Why nothing can come of the download; null as long as it can.</summary>
    public string? Forgery => _sealedStore?.Forgery;

    /// <summary>The pieces that are wanted; null for all.</summary>
    public Bitfield? Wanted { get; private set; }

    /// <summary>Bytes of the pieces that are wanted.</summary>
    public long WantedBytes { get; private set; }

    /// <summary>A line for each file that could not be read when it was checked.</summary>
    public IReadOnlyList<string> ReadErrors { get; private set; } = [];

    /// <summary>Content that was hashed this moment and is all there.</summary>
    public static (TorrentContent Content, ContentState State) OpenNew(NewTorrent torrent, SecretShare? secret, AddOptions options)
    {
        var content = new TorrentContent(secret?.Content ?? torrent.Metainfo, secret, torrent.TakeStore(), options);
        var have = new Bitfield(torrent.Metainfo.Layout.PieceCount);
        have.SetAll();
        return (content, content.StateWith(have, null));
    }

    /// <summary>Opens the files and finds out what is there, reading no more than it must.</summary>
    /// <param name="metainfo">The files.</param>
    /// <param name="secret">The secret share that they are in; null if they are the torrent's own.</param>
    /// <param name="folder">The folder that holds the torrent's own.</param>
    /// <param name="options">What is wanted of it.</param>
    /// <param name="stateDirectory">Where records are kept.</param>
    /// <param name="progress">Gets bytes checked, and bytes to check.</param>
    /// <param name="cancel">Ends it early.</param>
    public static async Task<(TorrentContent Content, ContentState State)> OpenAsync(
        Metainfo metainfo, SecretShare? secret, string folder, AddOptions options, string stateDirectory,
        Action<long, long> progress, CancellationToken cancel)
    {
        var root = options.ContentFolder ?? (metainfo.IsFolder ? Path.Combine(folder, metainfo.Name) : folder);
        var store = PieceStore.Open(metainfo.Files, metainfo.Layout, root, options.SeedOnly);
        try
        {
            var content = new TorrentContent(metainfo, secret, store, options);
            var file = new ResumeFile(Path.Combine(stateDirectory, "resume"), metainfo.InfoHash, root);
            return (content, await content.CheckAsync(file, options, progress, cancel));
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>A verified piece was written. Cheap, and safe on any thread.</summary>
    public void Written(PieceIndex piece) => _recorder?.PieceWritten(piece);

    /// <summary>Records what was written, if it is time.</summary>
    public void RecordIfDue()
    {
        if (_recorder is { IsDue: true })
        {
            _recorder.Record();
        }
    }

    /// <summary>All that is wanted is there: files get their final length, and from now on are watched for changes.</summary>
    public void Finish()
    {
        Store.Finish(_selected.Contains);
        _recorder?.Record();
    }

    /// <summary>Pieces turned out not to be what they were.</summary>
    public void Lost(IReadOnlyCollection<PieceIndex> pieces) => _recorder?.PiecesLost(pieces);

    /// <summary>The last record.</summary>
    public void Stop(IReadOnlyDictionary<PieceIndex, Bitfield> partial) => _recorder?.Stop(_sealed is null ? partial : null);

    public void Dispose()
    {
        Store.Dispose();
        _sealedStore?.Dispose();
        _sealed?.Dispose();
    }

    private async Task<ContentState> CheckAsync(ResumeFile file, AddOptions options, Action<long, long> progress, CancellationToken cancel)
    {
        var layout = _metainfo.Layout;
        var plan = await Task.Run(() => ResumePlan.Make(layout, _metainfo.Files, file.Load(out _), Store.Survey()), cancel);
        if (!options.SeedOnly && Enumerable.Range(0, _metainfo.Files.Count).FirstOrDefault(IsSelectedAndUnreadable, -1) is >= 0 and var first)
        {
            throw Store.ReadErrors[first];
        }

        var toCheck = 0L;
        for (var piece = 0; piece < plan.PieceCount; piece++)
        {
            toCheck += plan[new PieceIndex(piece)] == PieceVerdict.Check ? layout.LengthOf(new PieceIndex(piece)) : 0;
        }

        progress(0, toCheck);
        void OnChecked(long bytes) => progress(bytes, Math.Max(bytes, toCheck));
        var result = _sealed is null
            ? await ContentChecker.CheckAsync(Store, _metainfo.PieceHashes, plan, OnChecked, cancel)
            : await ContentChecker.CheckAsync(_sealed, _metainfo.PieceHashes, plan, OnChecked, cancel);
        ReadErrors = [.. Store.ReadErrors.OrderBy(entry => entry.Key).Select(entry => entry.Value.Message)];
        if (options.SeedOnly)
        {
            // What is not there is not fetched, and so not wanted.
            Wanted = result.Have.Clone();
            WantedBytes = FileSelection.BytesOf(_layout, Wanted);
            return StateWith(result.Have, null);
        }

        try
        {
            _recorder = await Task.Run(() => ResumeRecorder.Begin(Store, file, _metainfo.InfoHash, result.Have, result.Partial), cancel);
        }
        catch (StorageException error)
        {
            throw new ShoalException(
                ShoalErrorKind.Environment, $"no record can be kept of what is verified: {error.Message} (XDG_STATE_HOME says where records go)", error);
        }

        return StateWith(result.Have, result.Partial);
    }

    // What is wanted cannot be put there, and it is better to say so at once.
    private bool IsSelectedAndUnreadable(int file) => Store.ReadErrors.ContainsKey(file) && _selected.Contains(file);

    private ContentState StateWith(Bitfield have, IReadOnlyDictionary<PieceIndex, Bitfield>? partial) => new(
        _layout, _metainfo.PieceHashes, have, Wanted, partial, _metainfo.InfoBytes, _metainfo.IsPrivate);
}
