using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Mpi.Jobs;
using Shoal.Mpi.Links;
using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Copying;

/// <summary>
/// One rank's part in a copy, from the agreed plan to its result: ties together the swarm, the threads that read and check, and what
/// ranks tell each other beside the swarm. Ends on all ranks, whatever happens to one. On the thread that calls MPI.
/// </summary>
internal sealed class CopyRank : IDisposable
{
    private const int NewsMilliseconds = 200;
    private const int HashRecordLength = sizeof(int) + PieceHash.ChecksumLength;
    private const int ShownMissingCount = 5;

    /// <summary>How long all ranks have to come to the end of a job that was stopped, or in which nothing moved any more.</summary>
    private static readonly TimeSpan EndTime = TimeSpan.FromMinutes(1);

    private readonly MpiWorld _world;
    private readonly CopyPlan _plan;
    private readonly IReadOnlyList<string> _nodes;
    private readonly CancellationToken _stop;
    private readonly CopyBoard? _board;
    private readonly Action<CopyProgress>? _show;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Candidates _candidates;
    private readonly List<byte> _hashes = [];
    private readonly PieceRange _share;
    private readonly RankLoop _loop;
    private readonly CopySwarm? _swarm;
    private readonly CopyStore? _store;
    private readonly StagedStore? _own;
    private readonly SourceShare? _source;
    private readonly PresentChecker? _checker;
    private Task? _finishing;
    private RankNews _told = new(RankState.Copying, -1);
    private long _toldAt;
    private long _shownAt;
    private long _readBytes;
    private string? _failure;
    private string? _unreadable; // why it is nobody's fault here that something lacks
    private double _doneSeconds;
    private bool _isFinished;
    private bool _isLeaving;
    private bool _isOver;
    private bool _isInterruptTold;

    public CopyRank(
        MpiWorld world, CopyPlan plan, CopyOptions options, IReadOnlyList<string> nodes, Action<CopyProgress>? show, CancellationToken stop)
    {
        (_world, _plan, _nodes, _show, _stop) = (world, plan, nodes, show, stop);
        _board = world.Rank == 0 ? new CopyBoard(plan.Participants, plan.Layout.TotalLength, nodes, options.Time) : null;
        _share = plan.ShareOf(world.Rank);
        _failure = plan.Broken.GetValueOrDefault(world.Rank);
        var takesPart = plan.Participants.Contains(world.Rank);
        if (takesPart && _failure is null)
        {
            _own = TryOpen();
        }

        _candidates = FindCandidates();
        if (_own is not null || _share.Count > 0)
        {
            var kept = _own?.FindKept() ?? new Bitfield(plan.Layout.PieceCount);
            var own = _own is null || options.Wrap is null ? _own : options.Wrap(_own);
            _source = _share.Count > 0 ? new SourceShare(plan, _share, own, kept) : null;
            _store = new CopyStore(plan, own, _source?.Store, _share.Count > 0 ? ReadPace.For(world, plan, options.Time) : null);
            _swarm = new CopySwarm(world, plan, _store, kept.Clone(), _own is null ? new Bitfield(kept.Length) : _candidates.AllBut(kept, _share), options.FullMeshCount);
            _loop = _swarm.Loop;
            _checker = _candidates.Pieces.IsEmpty ? null : new PresentChecker(_own!, plan, _candidates.Pieces);
            _source?.Begin(_store);
        }
        else
        {
            _loop = new RankLoop(world, new Session(new SessionOptions(default, 1)));
        }

        _loop.Transport.KeepWatch();
        _loop.Transport.Handle(Tags.PieceHash, (_, bytes) => TakeHashes(bytes.Span));
        _loop.Transport.Handle(Tags.Job, (_, bytes) => TakeOrder(CopyOrder.Decode(bytes.Span)));
        _loop.Transport.Handle(Tags.Progress, (rank, bytes) => _board?.Update(rank, RankNews.Decode(bytes.Span)));
    }

    /// <summary>Copies; returns on every rank when all ranks are done with each other. Every rank must call.</summary>
    public RankResult Run()
    {
        _loop.RunUntil(() =>
        {
            Pump();
            return _isOver;
        });
        Leave();
        _loop.RunUntil(() =>
        {
            Pump();
            return _swarm?.IsStopped != false && _finishing?.IsCompleted != false;
        });
        var threads = Task.Run(() =>
        {
            _source?.Stop();
            _checker?.Dispose();
        });
        _loop.RunUntil(() => threads.IsCompleted);
        _loop.Settle();
        if (_failure is not null && _own is not null && !_isFinished)
        {
            FinishFiles(); // what is whole of it may be used
        }

        return Result();
    }

    public void Dispose()
    {
        _loop.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _checker?.Abandon();
        _own?.Dispose();
        _source?.Dispose();
        _store?.Dispose();
    }

    private StagedStore? TryOpen()
    {
        try
        {
            return StagedStore.Open(_plan.Places, _plan.Layout, _plan.Destination.Root, file => _plan.IsKept[file]);
        }
        catch (StorageException error)
        {
            _failure = error.Message;
            return null;
        }
    }

    // What we read ourselves needs no checking.
    private Candidates FindCandidates()
    {
        var candidates = _own?.FindCandidates() ?? new Bitfield(_plan.Layout.PieceCount);
        for (var piece = _share.First.Value; piece < _share.End; piece++)
        {
            candidates.Clear(piece);
        }

        return new Candidates(candidates);
    }

    private void Pump()
    {
        if (_finishing is { IsFaulted: true })
        {
            _finishing.GetAwaiter().GetResult();
        }

        TakeFindings();
        if (_swarm is not null && !_isLeaving)
        {
            if ((_failure ??= _swarm.Failure) is not null && _share.Count == 0)
            {
                Leave();
            }
            else if (_failure is null && _own is not null && _swarm.MissingCount == 0 && _finishing is null)
            {
                _finishing = Task.Run(FinishFiles);
            }
        }

        var now = Environment.TickCount64;
        if (_stop.IsCancellationRequested && !_isInterruptTold)
        {
            _isInterruptTold = true;
            _loop.EndWithin(EndTime);
            Tell(new RankNews(RankState.Interrupted, _swarm?.HaveBytes ?? 0));
        }
        else if (!_isInterruptTold && News() is var news && news != _told && (news.State != _told.State || now >= _toldAt + NewsMilliseconds))
        {
            (_told, _toldAt) = (news, now);
            Tell(news);
        }

        if (_board is not null)
        {
            Lead(now);
        }
    }

    private void Lead(long now)
    {
        if (!_isOver && _board!.IsOver)
        {
            Order(Enumerable.Range(0, _world.Size), new CopyOrder(CopyOrderKind.Stop, Reason: _board.IsStalled ? "nothing has moved for minutes" : ""));
            now = long.MaxValue;
        }

        if (now >= _shownAt + NewsMilliseconds)
        {
            _shownAt = Environment.TickCount64;
            _show?.Invoke(_board!.Progress());
        }
    }

    private RankNews News() => new(
        _failure is not null ? RankState.Failed
        : _isFinished || _own is null ? RankState.Done
        : _finishing is not null ? RankState.Finishing
        : RankState.Copying,
        _swarm?.HaveBytes ?? 0, _failure ?? "");

    private void Tell(RankNews news)
    {
        if (_board is not null)
        {
            _board.Update(_world.Rank, news);
        }
        else
        {
            _loop.Transport.Send(0, Tags.Progress, news.Encode());
        }
    }

    private void TellOthers(IEnumerable<int> ranks, int tag, ReadOnlySpan<byte> bytes)
    {
        foreach (var rank in ranks)
        {
            if (rank != _world.Rank)
            {
                _loop.Transport.Send(rank, tag, bytes);
            }
        }
    }

    private void Order(IEnumerable<int> ranks, in CopyOrder order)
    {
        TellOthers(ranks, Tags.Job, order.Encode());
        TakeOrder(order);
    }

    private void TakeFindings()
    {
        while (_source is not null && _source.TryTake(out var finding))
        {
            Take(finding);
        }

        while (_checker is not null && _checker.TryTake(out var finding))
        {
            Take(finding);
        }

        if (_hashes.Count > 0)
        {
            TellOthers(_plan.Participants, Tags.PieceHash, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_hashes));
            _hashes.Clear();
        }
    }

    private void Take(in Finding finding)
    {
        switch (finding.Kind)
        {
            case FindingKind.Read:
                Span<byte> record = stackalloc byte[HashRecordLength];
                BinaryPrimitives.WriteInt32LittleEndian(record, finding.Piece.Value);
                finding.Hash.WriteTo(record[sizeof(int)..]);
                _hashes.AddRange(record);
                _readBytes += _plan.Layout.LengthOf(finding.Piece);
                if (finding.Count == 0)
                {
                    _store!.ServeFromSource(finding.Piece);
                }

                // One of another reader's share may be on its way to us from a rank that has kept it: then its hash is what it lacks.
                _candidates.Remove(finding.Piece);
                _swarm!.HashKnown(finding.Piece, finding.Hash);
                _swarm.Found(finding.Piece);
                break;
            case FindingKind.Unreadable when _plan.NextReader(finding.Piece, _world.Rank) is { } next:
                TellOthers([next], Tags.Job, new CopyOrder(CopyOrderKind.ReadInstead, finding.Piece).Encode());
                if (_own is not null)
                {
                    Refetch(finding.Piece);
                }

                break;
            case FindingKind.Unreadable:
                Order(_plan.Participants, new CopyOrder(CopyOrderKind.GiveUp, finding.Piece, finding.Reason));
                break;
            case FindingKind.WriteFailed:
                _failure ??= finding.Reason;
                break;
            case FindingKind.Checked:
                Decide(finding.Piece, _candidates.Checked(finding.Piece, finding.Hash));
                break;
            case FindingKind.Adopted:
                _swarm!.Found(finding.Piece);
                break;
            default:
                Refetch(finding.Piece);
                break;
        }
    }

    private void Decide(PieceIndex piece, bool? isRight)
    {
        if (isRight == true)
        {
            _checker!.Adopt(piece);
        }
        else if (isRight == false)
        {
            Refetch(piece);
        }
    }

    private void Refetch(PieceIndex piece)
    {
        _candidates.Remove(piece);
        _swarm!.Want(piece);
    }

    private void TakeHashes(ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= HashRecordLength && _swarm is not null; bytes = bytes[HashRecordLength..])
        {
            var piece = new PieceIndex(BinaryPrimitives.ReadInt32LittleEndian(bytes));
            var hash = new PieceHash(bytes.Slice(sizeof(int), PieceHash.ChecksumLength));
            _swarm.HashKnown(piece, hash);
            Decide(piece, _candidates.SourceKnown(piece, hash));
        }
    }

    private void TakeOrder(in CopyOrder order)
    {
        switch (order.Kind)
        {
            case CopyOrderKind.Stop:
                _isOver = true;
                if (order.Reason.Length > 0)
                {
                    _unreadable ??= order.Reason;
                    _loop.EndWithin(EndTime);
                }

                break;
            case CopyOrderKind.ReadInstead:
                _source?.ReadToo(order.Piece);
                break;
            default:
                _unreadable ??= order.Reason;
                _swarm?.GiveUp(order.Piece);
                break;
        }
    }

    private void Leave()
    {
        if (!_isLeaving)
        {
            _isLeaving = true;
            _swarm?.Stop();
        }
    }

    private void FinishFiles()
    {
        try
        {
            _own!.Publish(
                file => _swarm!.IsWhole(_plan.Places[file].Offset, _plan.Places[file].Length),
                (file, path) => DestinationTree.FinishFile(_plan.Files[file], path));
            _plan.Destination.Finish(_plan.Destination.IsRight);
            _doneSeconds = _clock.Elapsed.TotalSeconds;
            _isFinished = true;
        }
        catch (StorageException error)
        {
            _failure ??= error.Message;
        }
    }

    private RankResult Result()
    {
        string[] missing = _plan.Participants.Contains(_world.Rank)
            ? [.. _plan.Manifest.Entries.Where(entry => entry.Kind == EntryKind.File && !_plan.Destination.IsRight(entry)).Select(entry => entry.Path)]
            : [];
        var state = (_failure ?? _unreadable) is not null ? RankState.Failed : RankState.Interrupted;
        state = missing.Length == 0 && _failure is null ? RankState.Done : state;
        return new RankResult(
            _world.Rank, _nodes[_world.Rank], state, _failure ?? (missing.Length > 0 ? _unreadable ?? "stopped before it was done" : ""),
            missing[..Math.Min(ShownMissingCount, missing.Length)], missing.Length, _swarm?.FetchedBytes ?? 0, _readBytes, _doneSeconds);
    }
}
