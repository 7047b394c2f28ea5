using Shoal.Engine;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
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
    private ResumeRecorder? _recorder;

    private TorrentContent(Metainfo metainfo, PieceStore store, AddOptions options)
    {
        _metainfo = metainfo;
        var selected = new HashSet<ContentFile>(FileSelection.Select(metainfo, options), ReferenceEqualityComparer.Instance);
        _selected = [.. Enumerable.Range(0, metainfo.Files.Count).Where(file => selected.Contains(metainfo.Files[file]))];
        Store = store;
        Wanted = FileSelection.PiecesOf(metainfo.Layout, selected);
        WantedBytes = FileSelection.BytesOf(metainfo.Layout, Wanted);
    }

    public PieceStore Store { get; }

    /// <summary>The pieces that are wanted; null for all.</summary>
    public Bitfield? Wanted { get; private set; }

    /// <summary>Bytes of the pieces that are wanted.</summary>
    public long WantedBytes { get; private set; }

    /// <summary>A line for each file that could not be read when it was checked.</summary>
    public IReadOnlyList<string> ReadErrors { get; private set; } = [];

    /// <summary>Content that was hashed this moment and is all there.</summary>
    public static (TorrentContent Content, ContentState State) OpenNew(NewTorrent torrent, AddOptions options)
    {
        var content = new TorrentContent(torrent.Metainfo, torrent.TakeStore(), options);
        var have = new Bitfield(torrent.Metainfo.Layout.PieceCount);
        have.SetAll();
        return (content, content.StateWith(have, null));
    }

    /// <summary>Opens the files and finds out what is there, reading no more than it must.</summary>
    /// <param name="metainfo">The torrent.</param>
    /// <param name="folder">The folder that holds the torrent's own.</param>
    /// <param name="options">What is wanted of it.</param>
    /// <param name="stateDirectory">Where records are kept.</param>
    /// <param name="progress">Gets bytes checked, and bytes to check.</param>
    /// <param name="cancel">Ends it early.</param>
    public static async Task<(TorrentContent Content, ContentState State)> OpenAsync(
        Metainfo metainfo, string folder, AddOptions options, string stateDirectory, Action<long, long> progress, CancellationToken cancel)
    {
        var root = options.ContentFolder ?? (metainfo.IsFolder ? Path.Combine(folder, metainfo.Name) : folder);
        var store = PieceStore.Open(metainfo.Files, metainfo.Layout, root, options.SeedOnly);
        try
        {
            var content = new TorrentContent(metainfo, store, options);
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
    public void Stop(IReadOnlyDictionary<PieceIndex, Bitfield> partial) => _recorder?.Stop(partial);

    public void Dispose() => Store.Dispose();

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
        var result = await ContentChecker.CheckAsync(Store, _metainfo.PieceHashes, plan, bytes => progress(bytes, toCheck), cancel);
        ReadErrors = [.. Store.ReadErrors.OrderBy(entry => entry.Key).Select(entry => entry.Value.Message)];
        if (options.SeedOnly)
        {
            // What is not there is not fetched, and so not wanted.
            Wanted = result.Have.Clone();
            WantedBytes = FileSelection.BytesOf(layout, Wanted);
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
        _metainfo.Layout, _metainfo.PieceHashes, have, Wanted, partial, _metainfo.InfoBytes, _metainfo.IsPrivate);
}
