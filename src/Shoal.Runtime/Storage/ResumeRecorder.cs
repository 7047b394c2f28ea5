using Shoal.Engine.Resume;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>How often a download is recorded: whichever comes first.</summary>
/// <param name="Interval">Time since the last record. Default: 5 s.</param>
/// <param name="Bytes">Bytes written since. Default: 256 MiB.</param>
public sealed record ResumePolicy(TimeSpan Interval, long Bytes)
{
    /// <summary>5 s or 256 MiB: at most that much is hashed again after a kill.</summary>
    public static readonly ResumePolicy Default = new(TimeSpan.FromSeconds(5), 256L * 1024 * 1024);
}

/// <summary>
/// Records which pieces are had. Invariant: a piece is recorded only after a sync that began after it was written; where a
/// sync failed, what it should have covered is never recorded by this run, since the system may have dropped it. Thread-safe;
/// <see cref="PieceWritten"/> and <see cref="IsDue"/> are cheap, the rest blocks and belongs on worker threads.
/// </summary>
public sealed class ResumeRecorder
{
    private readonly PieceStore _store;
    private readonly ResumeFile _file;
    private readonly InfoHash _infoHash;
    private readonly ResumePolicy _policy;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Lock _recording = new();
    private readonly Bitfield _durable;
    private IReadOnlyDictionary<PieceIndex, Bitfield> _partial;
    private List<PieceIndex> _pending = [];
    private FileFacts[] _facts = [];
    private long _pendingBytes;
    private long _lastRecord;
    private bool _isTainted;
    private long _uploaded;
    private long _downloaded;

    private ResumeRecorder(
        PieceStore store, ResumeFile file, InfoHash infoHash, Bitfield have,
        IReadOnlyDictionary<PieceIndex, Bitfield>? partial, ResumePolicy? policy, TimeProvider? time)
    {
        _store = store;
        _file = file;
        _infoHash = infoHash;
        _durable = have.Clone();
        _partial = partial ?? new Dictionary<PieceIndex, Bitfield>();
        _policy = policy ?? ResumePolicy.Default;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>
    /// Begins a run with what a check found, and records it at once, before anything is written: marked clean if the
    /// torrent is complete, else as a run that goes on.
    /// </summary>
    /// <exception cref="StorageException">The sync or the record failed.</exception>
    public static ResumeRecorder Begin(
        PieceStore store, ResumeFile file, InfoHash infoHash, Bitfield have,
        IReadOnlyDictionary<PieceIndex, Bitfield>? partial = null, ResumePolicy? policy = null, TimeProvider? time = null)
    {
        var recorder = new ResumeRecorder(store, file, infoHash, have, partial, policy, time);
        recorder.Record();
        return recorder;
    }

    /// <summary>Whether a record wants to be made: something was written, and it is long or much ago.</summary>
    public bool IsDue
    {
        get
        {
            lock (_gate)
            {
                return _pending.Count > 0 &&
                    (_pendingBytes >= _policy.Bytes || _time.GetElapsedTime(_lastRecord) >= _policy.Interval);
            }
        }
    }

    /// <summary>Bytes of content moved in all runs, kept with the next record.</summary>
    public void SetTotals(long uploadedBytes, long downloadedBytes)
    {
        lock (_gate)
        {
            _uploaded = uploadedBytes;
            _downloaded = downloadedBytes;
        }
    }

    /// <summary>A verified piece was written: <see cref="PieceStore.Write"/> of it has returned.</summary>
    public void PieceWritten(PieceIndex piece)
    {
        lock (_gate)
        {
            _pending.Add(piece);
            _pendingBytes += _store.Layout.LengthOf(piece);
        }
    }

    /// <summary>Pieces turned out not to be good. Returns when that is recorded; only then may they be written anew.</summary>
    /// <exception cref="StorageException">The sync or the record failed.</exception>
    public void PiecesLost(IReadOnlyCollection<PieceIndex> pieces)
    {
        // Not in the midst of a record, which may hold a piece among those it is about to call durable.
        lock (_recording)
        {
            lock (_gate)
            {
                var lost = pieces.ToHashSet();
                _pending.RemoveAll(lost.Contains);
                foreach (var piece in pieces)
                {
                    _durable.Clear(piece.Value);
                }
            }

            Record();
        }
    }

    /// <summary>Syncs what was written and records it; pieces written meanwhile wait for the next. A complete torrent is marked clean.</summary>
    /// <exception cref="StorageException">The sync or the record failed; the old record stands.</exception>
    public void Record() => Record(isLast: false);

    /// <summary>
    /// Ends the run: syncs, and records it as clean. Nothing may be written by then. <paramref name="partial"/> are the blocks
    /// of unfinished pieces that lie on disk.
    /// </summary>
    /// <exception cref="StorageException">The sync or the record failed; the old record stands.</exception>
    public void Stop(IReadOnlyDictionary<PieceIndex, Bitfield>? partial = null)
    {
        lock (_gate)
        {
            _partial = partial ?? new Dictionary<PieceIndex, Bitfield>();
        }

        Record(isLast: true);
    }

    private void Record(bool isLast)
    {
        lock (_recording)
        {
            var written = TakePending();
            try
            {
                RefreshFacts(_store.Sync());
            }
            catch (StorageException)
            {
                _isTainted = true;
                throw;
            }

            MarkDurable(written);
            _file.Save(Describe(isLast));
        }
    }

    private List<PieceIndex> TakePending()
    {
        lock (_gate)
        {
            (var written, _pending) = (_pending, []);
            _pendingBytes = 0;
            _lastRecord = _time.GetTimestamp();
            return written;
        }
    }

    private void MarkDurable(List<PieceIndex> written)
    {
        lock (_gate)
        {
            foreach (var piece in written)
            {
                _durable.Set(piece.Value);
            }
        }
    }

    // Looked at after the sync and before the record: whatever is written later makes a file younger than its record.
    private void RefreshFacts(IReadOnlyCollection<int> synced)
    {
        if (_facts.Length == 0)
        {
            _facts = [.. _store.GetFacts()];
        }

        foreach (var file in synced)
        {
            _facts[file] = _store.FactsOf(file);
        }
    }

    private ResumeData Describe(bool isLast)
    {
        lock (_gate)
        {
            var isClean = !_isTainted && (isLast || _durable.IsFull);
            return new ResumeData
            {
                InfoHash = _infoHash,
                Layout = _store.Layout,
                IsClean = isClean,
                Have = _durable.Clone(),
                Partial = _partial.Where(entry => !_durable[entry.Key]).ToDictionary(entry => entry.Key, entry => entry.Value),
                // Others may have synced meanwhile; a clean record must have every file as it is.
                Files = isClean ? _store.GetFacts() : [.. _facts],
                UploadedBytes = _uploaded,
                DownloadedBytes = _downloaded,
            };
        }
    }
}
