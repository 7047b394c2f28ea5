using System.Text;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime;
using Shoal.Runtime.Hosting;

namespace Shoal.Mpi.Links;

/// <summary>
/// A link to another rank: messages of MPI instead of a stream of bytes. Used by the one thread that calls MPI.
/// Invariant: each request that was sent holds a reply slot until its payload or a refusal came, and for each request that came
/// in exactly one of both goes out, even if the link is closed meanwhile.
/// </summary>
internal sealed class MpiLink(MpiTransport transport, LinkId id, LinkName name, int rank) : ILink
{
    /// <summary>Requests of the other side that may wait; our own engines stay far below.</summary>
    private const int MaximumAskedCount = 8192;

    /// <summary>Bytes of control messages that may wait for a rank that does not take them.</summary>
    private const int MaximumPendingBytes = 64 * 1024 * 1024;

    // What the other side wants, and in which slot, in the order it asked. It may ask for a block again that is on its
    // way already, having given it up and changed its mind.
    private readonly List<(BlockRequest Block, int Slot)> _asked = [];
    private readonly Dictionary<BlockRequest, ReplySlot> _expected = []; // what we want
    private readonly List<Waiting> _waiting = [];                        // what we want and have no slot for yet
    private readonly HashSet<BlockRequest> _refused = [];                // until the engine, told so, forgets them

    public LinkId Id => id;

    public LinkName Name => name;

    public int Rank => rank;

    public bool IsClosed { get; private set; }

    public void Send(in PeerMessage message)
    {
        if (IsClosed)
        {
            return;
        }

        if (message.Kind == PeerMessageKind.RejectRequest)
        {
            if (TryTakeAsked(message.Block, out var slot))
            {
                Write(new ControlRecord(ControlKind.Refuse, name, slot, message));
            }
        }
        else
        {
            Write(new ControlRecord(ControlKind.Message, name, Message: message));
        }
    }

    public void Request(in BlockRequest block, BufferSlot slot, nint destination)
    {
        if (IsClosed)
        {
            return;
        }

        if (_waiting.Count > 0 || !TryRequest(block, slot, destination))
        {
            _waiting.Add(new Waiting(block, slot, destination));
            transport.Starve(this);
        }
    }

    /// <summary>Sends requests that waited for a slot. Whether all are sent.</summary>
    public bool RequestWaiting()
    {
        var sent = 0;
        while (sent < _waiting.Count && TryRequest(_waiting[sent].Block, _waiting[sent].Buffer, _waiting[sent].Destination))
        {
            sent++;
        }

        _waiting.RemoveRange(0, sent);
        return _waiting.Count == 0;
    }

    public bool Forget(in BlockRequest block)
    {
        var wanted = block;
        if (_waiting.RemoveAll(waiting => waiting.Block == wanted) > 0 || _refused.Remove(block))
        {
            return true;
        }

        if (!_expected.Remove(block, out var slot))
        {
            return false;
        }

        if (transport.TakeBack(slot))
        {
            slot.Link = null; // the payload or a refusal is still to come
            return true;
        }

        transport.Post(new Input(InputKind.BlockReceived, Link: id, Message: PeerMessage.Request(block), Slot: slot.Buffer));
        transport.Return(slot);
        return false;
    }

    public void Upload(SwarmId swarm, IPieceStore store, in BlockRequest block)
    {
        if (TryTakeAsked(block, out var slot))
        {
            transport.Read(this, swarm, store, block, slot);
        }
    }

    public void Flush() => transport.Flush(rank);

    public void Close(string? reason)
    {
        if (!IsClosed)
        {
            End(reason);
            Write(new ControlRecord(ControlKind.Close, name, Message: new PeerMessage(
                default, Payload: Encoding.UTF8.GetBytes(reason ?? string.Empty))));
            transport.Flush(rank);
        }
    }

    /// <summary>A record for this link came in.</summary>
    public void Handle(in ControlRecord record)
    {
        switch (record.Kind)
        {
            case ControlKind.Request when _asked.Count >= MaximumAskedCount:
                Close("asks for too much at once");
                break;
            case ControlKind.Request:
                _asked.Add((record.Message.Block, record.Slot));
                Post(record.Message);
                break;
            case ControlKind.Message:
                Post(record.Message);
                break;
            case ControlKind.Close:
                var reason = Encoding.UTF8.GetString(record.Message.Payload.Span);
                End(reason.Length == 0 ? "closed by the other side" : reason);
                transport.Flush(rank);
                break;
            default:
                break;
        }
    }

    /// <summary>The payload lies in its place.</summary>
    public void Received(ReplySlot slot, int length)
    {
        _expected.Remove(slot.Block);
        if (length != slot.Block.Length)
        {
            throw new MpiException($"rank {rank} sent {length} bytes for {slot.Block}");
        }

        transport.Post(new Input(InputKind.BlockReceived, Link: id, Message: PeerMessage.Request(slot.Block), Slot: slot.Buffer));
        transport.Return(slot);
    }

    /// <summary>The payload will not come.</summary>
    public void Refused(ReplySlot slot)
    {
        _expected.Remove(slot.Block);
        if (!transport.TakeBack(slot))
        {
            throw new MpiException($"rank {rank} refused {slot.Block} and sent it");
        }

        _refused.Add(slot.Block);
        Post(PeerMessage.Reject(slot.Block));
        transport.Return(slot);
    }

    /// <summary>A block could not be read for the other side.</summary>
    public void ReadFailed(Upload upload)
    {
        _asked.Insert(0, (upload.Block, upload.Slot));
        if (IsClosed)
        {
            RefuseAll();
            transport.Flush(rank);
        }
        else
        {
            transport.Post(new Input(
                InputKind.ReadFailed, upload.Swarm, id, PeerMessage.Request(upload.Block), Detail: upload.Failure));
        }
    }

    /// <summary>A payload left.</summary>
    public void Sent(Upload upload)
    {
        if (!IsClosed)
        {
            transport.Post(new Input(InputKind.BlocksSent, upload.Swarm, id, Count: 1, Bytes: upload.Block.Length));
        }

        transport.Return(upload);
    }

    private bool TryRequest(BlockRequest block, BufferSlot buffer, nint destination)
    {
        if (transport.Receive(rank, block, destination) is not { } slot)
        {
            return false;
        }

        slot.Link = this;
        slot.Block = block;
        slot.Buffer = buffer;
        _expected.Add(block, slot);
        Write(new ControlRecord(ControlKind.Request, name, slot.Number, PeerMessage.Request(block)));
        return true;
    }

    private void End(string? reason)
    {
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        _waiting.Clear();
        _refused.Clear();
        foreach (var block in _expected.Keys.ToArray())
        {
            Forget(block);
        }

        RefuseAll();
        transport.Forget(this);
        transport.Post(new Input(InputKind.LinkClosed, Link: id, Detail: reason));
    }

    private bool TryTakeAsked(BlockRequest block, out int slot)
    {
        var at = _asked.FindIndex(asked => asked.Block == block);
        slot = at < 0 ? -1 : _asked[at].Slot;
        if (at >= 0)
        {
            _asked.RemoveAt(at);
        }

        return at >= 0;
    }

    private void RefuseAll()
    {
        foreach (var (block, slot) in _asked)
        {
            Write(new ControlRecord(ControlKind.Refuse, name, slot, PeerMessage.Reject(block)));
        }

        _asked.Clear();
    }

    private void Write(in ControlRecord record)
    {
        if (!transport.Write(rank, record, MaximumPendingBytes))
        {
            throw new MpiException($"rank {rank} does not take its messages: {MaximumPendingBytes >> 20} MiB wait for it");
        }
    }

    private void Post(in PeerMessage message) =>
        transport.Post(new Input(InputKind.Message, Link: id, Message: message));

    private readonly record struct Waiting(BlockRequest Block, BufferSlot Buffer, nint Destination);
}
