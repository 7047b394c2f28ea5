using System.Net.Sockets;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Encryption;
using Shoal.Protocol.Wire;
using Shoal.Runtime;

namespace Shoal.Sockets.Tcp;

/// <summary>
/// The outgoing half of a link. Control messages are gathered in a turn and go out with one send; blocks are read in
/// batches by whichever thread is free for it and go out with one send each. At most one send is under way, at most
/// one batch is being read and one is ready, so a link's memory is bounded; control messages go first between batches.
/// </summary>
internal sealed class TcpSender : IThreadPoolWorkItem
{
    private readonly Lock _gate = new();
    private readonly TcpLink _link;
    private readonly UploadBuffers _buffers;
    private readonly int _maximumQueuedBytes;
    private readonly TurnOutput _staged = new();

    // Guarded by the gate.
    private readonly Queue<BlockRequest> _uploads = new();
    private IPieceStore? _store;
    private SwarmId _swarm;
    private ControlBytes _queued;
    private UploadBatch? _ready;
    private bool _isReading;
    private bool _isSending = true; // until the connection is there
    private bool _isClosing;
    private bool _isStopped;

    // Owned by the one send that is under way.
    private readonly Outgoing _current;
    private SocketWriter? _writer;

    // Of the pumping thread only: uploads wait for the end of the turn, and are then done by it without a change of threads.
    private bool _hasDeferredUploads;

    public TcpSender(TcpLink link, UploadBuffers buffers, int maximumQueuedBytes)
    {
        _link = link;
        _buffers = buffers;
        _current = new Outgoing(buffers);
        _maximumQueuedBytes = maximumQueuedBytes;
    }

    /// <summary>The sender of the link from which this thread is receiving, if it is.</summary>
    [field: ThreadStatic]
    public static TcpSender? PumpedByThread { get; set; }

    public void Open(Socket socket, Rc4? cipher)
    {
        _writer = new SocketWriter(socket, cipher, OnSent);
        SendNext();
    }

    /// <summary>Gathers a control message for <see cref="Flush"/>.</summary>
    public void Stage(in PeerMessage message) => _staged.Add(message);

    /// <summary>Gathers a block for <see cref="Flush"/>.</summary>
    public void StageUpload(SwarmId swarm, IPieceStore store, in BlockRequest block)
    {
        (_swarm, _store) = (swarm, store); // a link belongs to one swarm for life
        _staged.Add(block);
    }

    public void Flush()
    {
        bool isFirst;
        bool isStuck;
        bool readsNow;
        lock (_gate)
        {
            if (_isStopped)
            {
                _staged.Drop();
            }
            else
            {
                _staged.MoveTo(ref _queued, _uploads);
            }

            isStuck = _queued.Length > _maximumQueuedBytes;
            readsNow = BeginsReading();
            isFirst = !_isSending && _queued.Length > 0;
            _isSending |= isFirst;
        }

        if (isStuck)
        {
            _link.Abort($"the peer has left {_maximumQueuedBytes} bytes of messages unread");
            return;
        }

        if (isFirst)
        {
            SendNext();
        }

        if (readsNow)
        {
            StartReading();
        }
    }

    /// <summary>Sends what is queued, then finishes the link.</summary>
    public void CloseWhenSent()
    {
        Flush();
        bool isSent;
        lock (_gate)
        {
            _isClosing = true;
            isSent = IsAllSent();
        }

        if (isSent)
        {
            _link.Finish();
        }
    }

    /// <summary>Sends nothing more.</summary>
    public void Stop()
    {
        UploadBatch? ready;
        lock (_gate)
        {
            _isStopped = true;
            _uploads.Clear();
            (ready, _ready) = (_ready, null);
        }

        if (ready is not null)
        {
            _buffers.Return(ready);
        }
    }

    /// <summary>Whether it waits for a buffer. Guarded by the lock of <see cref="UploadBuffers"/>.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>There is a buffer again. False if it is of no use to this sender now.</summary>
    public bool ScheduleUploads()
    {
        bool readsNow;
        lock (_gate)
        {
            readsNow = BeginsReading();
        }

        if (readsNow)
        {
            StartReading();
        }

        return readsNow;
    }

    /// <summary>For the pumping thread, its turn being over.</summary>
    public void RunDeferredUploads()
    {
        if (_hasDeferredUploads)
        {
            _hasDeferredUploads = false;
            ReadAndSend();
        }
    }

    void IThreadPoolWorkItem.Execute() => ReadAndSend();

    private void StartReading()
    {
        if (ReferenceEquals(PumpedByThread, this))
        {
            _hasDeferredUploads = true;
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    // Under the gate. True: the caller must start to read.
    private bool BeginsReading()
    {
        if (_isReading || _ready is not null || _uploads.Count == 0)
        {
            return false;
        }

        _isReading = true;
        return true;
    }

    // Reads batch after batch as long as the last one could be passed on. One thread at a time: the one that set _isReading.
    private void ReadAndSend()
    {
        while (true)
        {
            var batch = _buffers.TryRent();
            if (!Fill(batch))
            {
                return;
            }

            if (!Read(batch!))
            {
                _buffers.Return(batch!);
            }
            else if (PassOn(batch!))
            {
                SendNext();
            }
            else
            {
                return;
            }
        }
    }

    // False: there is no more to read for now, and reading has ended.
    private bool Fill(UploadBatch? batch)
    {
        bool isFinished;
        lock (_gate)
        {
            if (batch is not null && _ready is null)
            {
                while (_uploads.TryPeek(out var block) && batch.TryAdd(block))
                {
                    _uploads.Dequeue();
                }

                if (batch.Blocks.Count > 0)
                {
                    return true;
                }
            }

            _isReading = false;
            isFinished = IsAllSent();
        }

        if (batch is null)
        {
            _buffers.Wait(this);
        }
        else
        {
            _buffers.Return(batch);
        }

        if (isFinished)
        {
            _link.Finish();
        }

        return false;
    }

    // Makes the batch the next to be sent. True: the caller must send. False: somebody else does or nobody will, and
    // reading has ended.
    private bool PassOn(UploadBatch batch)
    {
        lock (_gate)
        {
            if (!_isStopped)
            {
                _ready = batch;
                _isReading = !_isSending;
                _isSending = true;
                return _isReading;
            }

            _isReading = false;
        }

        _buffers.Return(batch);
        return false;
    }

    // False: not one block of it could be read.
    private bool Read(UploadBatch batch)
    {
        foreach (var (block, failure) in batch.Read(_store!))
        {
            var failed = new Input(InputKind.ReadFailed, _swarm, _link.Id, PeerMessage.Request(block), Detail: failure);
            _link.Events.Post(new ReadOnlySpan<Input>(in failed));
        }

        return batch.Blocks.Count > 0;
    }

    // For whoever set _isSending: sends until nothing is left or the socket takes no more.
    private void SendNext()
    {
        while (TakeNext())
        {
            if (!Send())
            {
                return;
            }
        }
    }

    private bool TakeNext()
    {
        var readsNow = false;
        var isFinished = false;
        lock (_gate)
        {
            if (_isStopped)
            {
                return false;
            }

            if (_queued.Length > 0)
            {
                _current.Load(ref _queued);
            }
            else if (_ready is not null)
            {
                _current.Load(_ready);
                _ready = null;
                readsNow = BeginsReading();
            }
            else
            {
                _isSending = false;
                isFinished = IsAllSent();
            }
        }

        if (readsNow)
        {
            StartReading();
        }

        if (isFinished)
        {
            _link.Finish();
        }

        return _current.Bytes is not null;
    }

    // Under the gate.
    private bool IsAllSent() =>
        _isClosing && !_isSending && !_isReading && _queued.Length == 0 && _ready is null && _uploads.Count == 0;

    // True: the current buffer is out. False: it will be, or never.
    private bool Send()
    {
        if (_writer!.Write(_current.Bytes!, _current.Length, out var error))
        {
            Complete();
            return true;
        }

        if (error != SocketError.Success)
        {
            Fail(error);
        }

        return false;
    }

    private void OnSent(SocketError error)
    {
        if (error != SocketError.Success)
        {
            Fail(error);
            return;
        }

        Complete();
        SendNext();
    }

    private void Complete()
    {
        var sent = _current.Batch is { } batch
            ? new Input(InputKind.BlocksSent, _swarm, _link.Id, Count: batch.Blocks.Count, Bytes: batch.PayloadBytes)
            : default;
        _current.Release();
        if (sent.Count > 0)
        {
            _link.Events.Post(new ReadOnlySpan<Input>(in sent));
        }
    }

    private void Fail(SocketError error)
    {
        _current.Release();
        _link.Abort(SocketFailure.Describe(error));
    }
}
