using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Copying;

/// <summary>
/// What this rank reads of the sources: its share, in order, and single pieces that other readers could not read. What it found out
/// is taken from <see cref="TryTake"/>: for every piece once, that it was read or that it cannot be. On the thread that calls MPI.
/// </summary>
internal sealed class SourceShare : IDisposable
{
    private readonly Queue<Finding> _findings = new();
    private readonly Queue<PieceIndex> _waiting = new();
    private readonly CopyHasher _hasher;
    private readonly PieceRange _range;
    private readonly Bitfield _kept;
    private readonly string _blindness = "";
    private SourceReader? _reader;
    private SourceReader? _extra;
    private IPieceStore? _own;
    private CopyStore? _store;

    /// <summary>Opens the sources.</summary>
    /// <param name="plan">What is read.</param>
    /// <param name="range">This rank's share; not empty.</param>
    /// <param name="own">Where what was read is written to; null for nowhere.</param>
    /// <param name="kept">Pieces that are there already, and not written.</param>
    public SourceShare(CopyPlan plan, PieceRange range, IPieceStore? own, Bitfield kept)
    {
        (_hasher, _own, _range, _kept) = (plan.Hasher, own, range, kept);
        try
        {
            Store = plan.OpenSource();
        }
        catch (StorageException error)
        {
            _blindness = error.Message;
        }
    }

    /// <summary>The sources; null if they could not be opened.</summary>
    public PieceStore? Store { get; }

    /// <summary>Begins to read. What was read is kept in the store, for the others.</summary>
    public void Begin(CopyStore store)
    {
        _store = store;
        if (Store is not null)
        {
            _reader = NewReader(_range);
            return;
        }

        for (var piece = _range.First.Value; piece < _range.End; piece++)
        {
            ReadToo(new PieceIndex(piece));
        }
    }

    /// <summary>Reads one more piece, when there is time.</summary>
    public void ReadToo(PieceIndex piece)
    {
        if (Store is null)
        {
            _findings.Enqueue(new Finding(FindingKind.Unreadable, piece, Reason: _blindness));
        }
        else
        {
            _waiting.Enqueue(piece);
        }
    }

    /// <summary>Takes the next thing that was found out.</summary>
    public bool TryTake(out Finding finding)
    {
        if (_extra is null && Store is not null && _waiting.TryDequeue(out var piece))
        {
            _extra = NewReader(new PieceRange(piece, 1));
        }

        if (_findings.TryDequeue(out finding) || _reader?.TryTake(out finding) == true)
        {
            // A disk that failed is not tried again.
            _own = finding.Kind == FindingKind.WriteFailed ? null : _own;
            return true;
        }

        if (_extra?.TryTake(out finding) != true)
        {
            return false;
        }

        if (finding.Kind == FindingKind.WriteFailed)
        {
            _own = null;
        }
        else
        {
            _extra.Dispose();
            _extra = null;
        }

        return true;
    }

    /// <summary>Ends reading; returns when no thread of it runs any more. On any thread, when nothing else is called.</summary>
    public void Stop()
    {
        _reader?.Dispose();
        _extra?.Dispose();
    }

    public void Dispose()
    {
        _reader?.Abandon();
        _extra?.Abandon();
        Store?.Dispose();
    }

    private SourceReader NewReader(PieceRange range) => new(Store!, _hasher, _own, range, _kept, _store!);
}
