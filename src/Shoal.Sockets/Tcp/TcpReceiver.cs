using System.Net.Sockets;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Encryption;
using Shoal.Protocol.Wire;

namespace Shoal.Sockets.Tcp;

/// <summary>
/// The incoming half of a link: waits for readiness without a buffer, then takes what there is, frames it, puts
/// payloads where they are expected and posts a batch of inputs. One thread at a time pumps; a receive and the
/// engine's Forget exclude each other by one lock per receive, so that nothing is written to a place that was forgotten.
/// The copy from the scratch buffer is nearly free, because that buffer stays in the cache: readv straight into the slots
/// gained 1 to 3 % over loopback, less than its complexity is worth.
/// </summary>
internal sealed class TcpReceiver : IThreadPoolWorkItem
{
    // What one link may receive before other links get the thread.
    private const int FairBytes = 4 << 20;

    private readonly Lock _gate = new();
    private readonly TcpLink _link;
    private readonly TcpSender _sender;
    private readonly WireReader _reader = new();
    private readonly Expectations _expected = new();
    private readonly List<Expectation> _staged = []; // touched in turns only
    private Expectation _current;                    // the block whose payload is coming in; Destination 0: thrown away
    private PeerMessage _currentHeader;
    private Socket? _socket;
    private Rc4? _cipher;
    private ReadOnlyMemory<byte> _first; // came with the handshake of the encryption
    private SocketAsyncEventArgs? _readiness;
    private bool _isDeaf;

    public TcpReceiver(TcpLink link, TcpSender sender)
    {
        _link = link;
        _sender = sender;
    }

    /// <summary>The connection is there: what comes goes through the cipher if there is one; what came already is in the clear.</summary>
    public void Open(Socket socket, Rc4? cipher, ReadOnlyMemory<byte> first)
    {
        (_socket, _cipher, _first) = (socket, cipher, first);
        _readiness = new SocketAsyncEventArgs(true); // no execution context
        _readiness.Completed += static (_, args) => ((TcpReceiver)args.UserToken!).Pump();
        _readiness.UserToken = this;
        if (!first.IsEmpty || IsReadyNow())
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>Notes an expectation; it holds from <see cref="CommitStaged"/> on.</summary>
    public void Stage(in Expectation expectation) => _staged.Add(expectation);

    public void CommitStaged()
    {
        if (_staged.Count == 0)
        {
            return;
        }

        lock (_gate)
        {
            foreach (ref readonly var expectation in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_staged))
            {
                _expected.Add(expectation);
            }
        }

        _staged.Clear();
    }

    /// <summary>Drops the expectation: nothing is written to its place any more. False if the block came already.</summary>
    public bool Forget(in BlockRequest block)
    {
        for (var i = 0; i < _staged.Count; i++)
        {
            if (_staged[i].Block == block)
            {
                _staged.RemoveAt(i);
                return true;
            }
        }

        lock (_gate)
        {
            if (_expected.Remove(block, out _))
            {
                return true;
            }

            if (_current.Destination != 0 && _current.Block == block)
            {
                _current = default;
                return true;
            }

            return false;
        }
    }

    /// <summary>
    /// Throws away what comes from now on. The expectations are kept as a list of what has not come, because Forget
    /// must still tell it from what came just before the end and waits to be handled.
    /// </summary>
    public void StopExpecting()
    {
        lock (_gate)
        {
            _isDeaf = true;
            if (_current.Destination != 0)
            {
                _expected.Add(_current);
                _current = default;
            }
        }
    }

    void IThreadPoolWorkItem.Execute() => Pump();

    private void Pump()
    {
        var context = ReceiveContext.OfThread;
        TcpSender.PumpedByThread = _sender;
        try
        {
            for (var budget = FairBytes; budget > 0;)
            {
                var received = Receive(context, out var error);
                if (_reader.Violation is { } violation)
                {
                    _link.Abort(violation.Text);
                    return;
                }

                _sender.RunDeferredUploads();
                if (received > 0)
                {
                    budget -= received;
                    if (received == context.Scratch.Length || IsReadyNow())
                    {
                        continue;
                    }

                    return;
                }

                if (error != SocketError.WouldBlock)
                {
                    _link.Abort(error == SocketError.Success ? "the peer closed the connection" : SocketFailure.Describe(error));
                    return;
                }

                if (!IsReadyNow())
                {
                    return;
                }
            }

            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        catch (ObjectDisposedException)
        {
            // closed meanwhile by somebody who has said why
        }
        finally
        {
            TcpSender.PumpedByThread = null;
        }
    }

    // True: there is something to receive. False: somebody will call Pump.
    private bool IsReadyNow() => !_socket!.ReceiveAsync(_readiness!);

    private int Receive(ReceiveContext context, out SocketError error)
    {
        if (!_first.IsEmpty)
        {
            var first = _first;
            _first = default;
            Take(first.Span, context);
            error = SocketError.Success;
            return first.Length;
        }

        var count = _socket!.Receive(context.Scratch, SocketFlags.None, out error);
        var bytes = context.Scratch.AsSpan(0, Math.Max(count, 0));
        _cipher?.Apply(bytes);
        Take(bytes, context);
        return count;
    }

    private void Take(ReadOnlySpan<byte> bytes, ReceiveContext context)
    {
        while (!bytes.IsEmpty && _reader.Violation is null)
        {
            lock (_gate)
            {
                if (_isDeaf)
                {
                    break;
                }

                Parse(ref bytes, context);
            }

            Post(context);
        }
    }

    private void Post(ReceiveContext context)
    {
        if (context.Count > 0)
        {
            _link.Events.Post(context.Inputs.AsSpan(0, context.Count));
            context.Clear();
        }
    }

    // Until the bytes or the room for inputs have come to an end.
    private unsafe void Parse(ref ReadOnlySpan<byte> bytes, ReceiveContext context)
    {
        while (!bytes.IsEmpty && !context.IsFull)
        {
            if (_reader.PayloadRemaining > 0)
            {
                var part = bytes[..Math.Min(_reader.PayloadRemaining, bytes.Length)];
                if (_current.Destination != 0)
                {
                    var offset = _currentHeader.Length - _reader.PayloadRemaining;
                    part.CopyTo(new Span<byte>((byte*)_current.Destination + offset, part.Length));
                }

                TakePayload(part.Length, context);
                bytes = bytes[part.Length..];
                continue;
            }

            if (_reader.Read(ref bytes, out var message) != WireStatus.Message)
            {
                return; // all was taken, or it is a violation
            }

            if (message.Kind == PeerMessageKind.Piece)
            {
                BeginBlock(message, context);
            }
            else
            {
                if (message.Kind == PeerMessageKind.Handshake)
                {
                    _link.EndHalfOpen();
                }

                context.Add(new Input(InputKind.Message, Link: _link.Id, Message: message));
            }
        }
    }

    private void BeginBlock(in PeerMessage header, ReceiveContext context)
    {
        _currentHeader = header;
        if (!_expected.Remove(header.Block, out _current))
        {
            _current = default;
        }

        TakePayload(0, context);
    }

    private void TakePayload(int count, ReceiveContext context)
    {
        _reader.TakePayload(count);
        if (_reader.PayloadRemaining == 0)
        {
            context.Add(_current.Destination != 0
                ? new Input(InputKind.BlockReceived, Link: _link.Id, Message: _currentHeader, Slot: _current.Slot)
                : new Input(InputKind.BlockDiscarded, Link: _link.Id, Message: _currentHeader, Slot: BufferSlot.None));
            _current = default;
        }
    }
}
