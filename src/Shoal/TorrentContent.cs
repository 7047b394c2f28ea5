using Shoal.Engine;
using Shoal.Engine.Resume;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Runtime.Storage;

namespace Shoal;

/// <summary>
/// A torrent's content on disk, from the first look to the last record. Every method blocks and belongs on a worker
/// thread; they are called one at a time, but for <see cref="Written"/>.
/// </summary>
internal sealed class TorrentContent : IDisposable
{
    private readonly Metainfo _metainfo;
    private readonly AddOptions _options;
    private readonly IReadOnlyList<ContentFile> _selected;
    private readonly ResumeFile _resumeFile;
    private ResumeRecorder? _recorder;

    private TorrentContent(Metainfo metainfo, string folder, AddOptions options, string stateDirectory)
    {
        _metainfo = metainfo;
        _options = options;
        _selected = FileSelection.Select(metainfo, options.Select);
        Root = options.ContentFolder ?? (metainfo.IsFolder ? Path.Combine(folder, metainfo.Name) : folder);
        _resumeFile = new ResumeFile(Path.Combine(stateDirectory, "resume"), metainfo.InfoHash, Root);
        Wanted = FileSelection.PiecesOf(metainfo.Layout, _selected);
        WantedBytes = FileSelection.BytesOf(metainfo.Layout, Wanted);
        Store = PieceStore.Open(metainfo.Files, metainfo.Layout, Root, options.SeedOnly);
    }

    /// <summary>The folder that the files' paths begin in.</summary>
    public string Root { get; }

    public PieceStore Store { get; }

    /// <summary>Null for all.</summary>
    public Bitfield? Wanted { get; }

    public long WantedBytes { get; }

    /// <summary>Opens the files and finds out what is there, reading no more than it must.</summary>
    public static (TorrentContent Content, ContentState State) Open(
        Metainfo metainfo, string folder, AddOptions options, string stateDirectory, IProgress<CheckProgress>? progress, CancellationToken cancel)
    {
        var content = new TorrentContent(metainfo, folder, options, stateDirectory);
        try
        {
            return (content, content.Check(progress, cancel));
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    /// <summary>A verified piece was written. Cheap.</summary>
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
        var wanted = new HashSet<ContentFile>(_selected, ReferenceEqualityComparer.Instance);
        Store.Finish(index => wanted.Contains(_metainfo.Files[index]));
        _recorder?.Record();
    }

    /// <summary>A piece turned out not to be what it was.</summary>
    public void Lost(PieceIndex piece) => _recorder?.PieceLost(piece);

    /// <summary>The last record.</summary>
    public void Stop(IReadOnlyDictionary<PieceIndex, Bitfield> partial) => _recorder?.Stop(partial);

    public void Dispose() => Store.Dispose();

    private ContentState Check(IProgress<CheckProgress>? progress, CancellationToken cancel)
    {
        var layout = _metainfo.Layout;
        Bitfield have;
        IReadOnlyDictionary<PieceIndex, Bitfield>? partial = null;
        if (_options.IsVerified)
        {
            have = new Bitfield(layout.PieceCount);
            have.SetAll();
        }
        else
        {
            var plan = ResumePlan.Make(layout, _metainfo.Files, _resumeFile.Load(out _), Store.Survey());
            have = ContentChecker.Check(Store, _metainfo, plan, progress, cancel);
            partial = plan.Partial.Where(entry => !have[entry.Key]).ToDictionary(entry => entry.Key, entry => entry.Value);
        }

        if (!_options.SeedOnly)
        {
            _recorder = ResumeRecorder.Begin(Store, _resumeFile, _metainfo.InfoHash, have, partial);
        }

        return new ContentState(
            layout, _metainfo.PieceHashes, have.Clone(), Wanted, partial, _metainfo.InfoBytes, _metainfo.IsPrivate);
    }
}
