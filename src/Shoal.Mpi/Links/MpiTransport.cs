using Shoal.Engine;
using Shoal.Mpi.Native;
using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Hosting;

namespace Shoal.Mpi.Links;

/// <summary>
/// Links between ranks, and messages beside them. Lives on the one thread that calls MPI, which also runs the turns of
/// the host: whoever drives it calls <see cref="Advance"/> again and again.
/// </summary>
public sealed class MpiTransport : ILinkTransport, IDisposable
{
    /// <summary>Memory for blocks that were read and are not sent yet.</summary>
    private const long MaximumUploadBytes = 32L * 1024 * 1024;

    private readonly MpiWorld _world;
    private readonly Requests _requests;
    private readonly Mail _mail;
    private readonly ReplySlots _slots = new();
    private readonly UploadReader _reader;
    private readonly Dictionary<(int Rank, int Tag), Outbox> _outboxes = [];
    private readonly List<Outbox> _waiting = []; // outboxes that could not send at once
    private readonly Dictionary<(int Rank, LinkName Name), MpiLink> _links = [];
    private readonly List<MpiLink> _starved = []; // links whose requests wait for a slot
    private readonly Dictionary<int, Action<int, ReadOnlyMemory<byte>>> _handlers = [];
    private ILinkEvents? _events;
    private Heartbeat? _heartbeat;
    private bool _hasSaidFarewell;
    private long _incomingSequence;

    /// <summary>A transport of this rank, with so many threads that read what is sent. On the thread that made the world.</summary>
    public MpiTransport(MpiWorld world, int readerCount = 2)
    {
        ArgumentNullException.ThrowIfNull(world);
        _world = world;
        _reader = new UploadReader(MaximumUploadBytes, readerCount);
        _requests = new Requests(world.Api);
        _mail = new Mail(world.Api, _requests, world.Communicator, Take);
    }

    /// <summary>How many messages this rank has sent.</summary>
    public MessageCounts Counts { get; } = new();

    /// <summary>Sees every message; null if nobody wants to.</summary>
    public IMessageTrace? Trace { get; set; }

    /// <summary>Whether nothing is under way: all that was written has left, all that was asked for has come.</summary>
    public bool IsQuiet => _requests.Count == 0 && _reader.IsIdle && _slots.UsedCount == 0 && _waiting.Count == 0;

    /// <summary>How many ranks have said farewell.</summary>
    public int FarewellCount { get; private set; }

    /// <inheritdoc/>
    public void Bind(ILinkEvents events) => _events = events;

    /// <summary>
    /// From now on rank 0 and every other tell each other that they are alive. All ranks must call, and then <see cref="Advance"/>, which
    /// throws when one has been silent for too long.
    /// </summary>
    public void KeepWatch() => _heartbeat = new Heartbeat(_world.Rank == 0 ? Enumerable.Range(1, _world.Size - 1) : [0], TimeProvider.System);

    /// <summary>Hands every message with the tag to the handler, whole, with the rank that sent it.</summary>
    public void Handle(int tag, Action<int, ReadOnlyMemory<byte>> handler) => _handlers[tag] = handler;

    /// <summary>Sends bytes to a rank, after what was sent to it with the same tag before.</summary>
    public void Send(int rank, int tag, ReadOnlySpan<byte> bytes)
    {
        var outbox = OutboxFor(rank, tag);
        var length = bytes.Length;
        var span = outbox.GetSpan(length + sizeof(int));
        BitConverter.TryWriteBytes(span, length);
        bytes.CopyTo(span[sizeof(int)..]);
        outbox.Advance(length + sizeof(int));
        Flush(outbox);
        Counts.Sent(tag, length);
        Trace?.Message(_world.Rank, rank, tag, bytes);
    }

    /// <summary>Moves everything on that can be moved. Whether there was anything.</summary>
    /// <exception cref="MpiException">A call of MPI failed, or a rank broke the protocol or is silent; see <see cref="KeepWatch"/>.</exception>
    public bool Advance()
    {
        if (_heartbeat?.TryBeat() == true)
        {
            Beat(_heartbeat);
        }

        var moved = _requests.Advance();
        moved |= _mail.Advance();
        moved |= SendRead();
        moved |= _waiting.Count > 0 && _waiting.RemoveAll(outbox => outbox.Flush(_world.Api) || !outbox.HasWaiting) > 0;
        if (_starved.Count > 0)
        {
            _starved.RemoveAll(link => link.IsClosed || link.RequestWaiting());
        }

        return moved;
    }

    /// <inheritdoc/>
    ILink ILinkTransport.Connect(LinkId id, SwarmId swarm, PeerAddress address)
    {
        var name = new LinkName(_world.Rank, id.Value);
        var link = new MpiLink(this, id, name, address.Rank);
        _links.Add((address.Rank, name), link);
        _ = Write(address.Rank, new ControlRecord(ControlKind.Open, name), int.MaxValue);
        Flush(address.Rank);
        Post(new Input(InputKind.LinkOpened, Link: id, Address: address));
        return link;
    }

    /// <summary>
    /// Tells every other rank that no control message follows. Once as many <see cref="FarewellCount"/> came in as there
    /// are other ranks, and all <see cref="IsQuiet"/>, no message is left anywhere, and MPI may end.
    /// </summary>
    public void SayFarewell()
    {
        _hasSaidFarewell = true;
        for (var other = 0; other < _world.Size; other++)
        {
            if (other != _world.Rank)
            {
                _ = Write(other, new ControlRecord(ControlKind.Farewell, default), int.MaxValue);
                Flush(other);
            }
        }
    }

    /// <summary>Frees everything. What is under way must have ended, see <see cref="IsQuiet"/>.</summary>
    public void Dispose()
    {
        _reader.Dispose();
        _mail.Dispose();
        foreach (var outbox in _outboxes.Values)
        {
            outbox.Dispose();
        }

        _requests.Dispose();
    }

    internal void Post(in Input input) =>
        (_events ?? throw new InvalidOperationException("the transport is not bound to a host")).Post(new ReadOnlySpan<Input>(in input));

    /// <summary>Writes a record that goes with the next flush; false if too much waits for that rank.</summary>
    internal bool Write(int rank, in ControlRecord record, int maximumPendingBytes)
    {
        var outbox = OutboxFor(rank, Tags.Control);
        if (outbox.PendingBytes > maximumPendingBytes)
        {
            return false;
        }

        record.Write(outbox);
        Counts.Sent(Tags.Control, record.EncodedLength);
        Trace?.Record(_world.Rank, rank, record);
        return true;
    }

    internal void Flush(int rank) => Flush(OutboxFor(rank, Tags.Control));

    /// <summary>A free slot that now waits for the block's payload; null if there is none.</summary>
    internal unsafe ReplySlot? Receive(int rank, BlockRequest block, nint destination)
    {
        if (_slots.Take() is not { } slot)
        {
            return null;
        }

        _world.Api.Irecv((void*)destination, block.Length, rank, slot.Tag, _world.Communicator, _requests.NextHandle());
        _requests.Add(slot);
        return slot;
    }

    internal bool TakeBack(ReplySlot slot) => _requests.TakeBack(slot);

    internal void Return(ReplySlot slot) => _slots.Return(slot);

    internal void Starve(MpiLink link)
    {
        if (!_starved.Contains(link))
        {
            _starved.Add(link);
        }
    }

    // On one node MPI copies straight from where the kernel keeps the block. A network card would have to be told of each page first; pieces in
    // memory lie at places that it knows.
    internal void Read(MpiLink link, SwarmId swarm, IPieceStore store, BlockRequest block, int slot) =>
        _reader.Order(link, swarm, store, block, slot, mayMap: _world.Leaders[link.Rank] == _world.Leaders[_world.Rank]);

    internal void Return(Upload upload) => _reader.Return(upload);

    internal void Forget(MpiLink link) => _links.Remove((link.Rank, link.Name));

    private void Beat(Heartbeat heartbeat)
    {
        if (heartbeat.Silent is { } silent)
        {
            throw new MpiException(
                $"rank {silent} has said nothing for {(Heartbeat.Interval * Heartbeat.Patience).TotalMinutes:F0} minutes: its process is stopped, or its machine is gone");
        }

        foreach (var rank in _hasSaidFarewell ? [] : heartbeat.Partners)
        {
            _ = Write(rank, new ControlRecord(ControlKind.Alive, default), int.MaxValue);
            Flush(rank);
        }
    }

    private unsafe bool SendRead()
    {
        var moved = false;
        while (_reader.TryTake(out var upload))
        {
            moved = true;
            if (upload.Failure is null)
            {
                var tag = Tags.FirstPayload + upload.Slot;
                _world.Api.Isend(
                    upload.Bytes, upload.Block.Length, upload.Link.Rank, tag, _world.Communicator, _requests.NextHandle());
                _requests.Add(upload);
                Counts.Sent(tag, upload.Block.Length);
                Trace?.Payload(_world.Rank, upload.Link.Rank, tag, upload.Block);
            }
            else
            {
                upload.Link.ReadFailed(upload);
                _reader.Return(upload);
            }
        }

        return moved;
    }

    private void Flush(Outbox outbox)
    {
        if (!outbox.Flush(_world.Api) && outbox.HasWaiting && !_waiting.Contains(outbox))
        {
            _waiting.Add(outbox);
        }
    }

    private Outbox OutboxFor(int rank, int tag)
    {
        if (!_outboxes.TryGetValue((rank, tag), out var outbox))
        {
            _outboxes.Add((rank, tag), outbox = new Outbox(_requests, _world.Communicator, rank, tag));
        }

        return outbox;
    }

    // A message came in whole.
    private void Take(int rank, int tag, ReadOnlySpan<byte> bytes)
    {
        if (tag == Tags.Control)
        {
            TakeControl(rank, bytes);
        }
        else if (_handlers.TryGetValue(tag, out var handler))
        {
            TakeMessages(rank, bytes, handler);
        }
        else if (_slots.Find(tag - Tags.FirstPayload) is { Link: null } slot)
        {
            _slots.Return(slot); // nobody waits for this payload any more
        }
        else
        {
            throw new MpiException($"rank {rank} sent a message with tag {tag}, for which there is no use");
        }
    }

    private void TakeControl(int rank, ReadOnlySpan<byte> bytes)
    {
        _heartbeat?.Heard(rank);
        while (!bytes.IsEmpty)
        {
            if (!ControlRecord.TryRead(ref bytes, out var record))
            {
                throw new MpiException($"rank {rank} sent a control message that cannot be read");
            }

            if (record.Kind == ControlKind.Open)
            {
                Open(rank, record.Link);
            }
            else if (record.Kind == ControlKind.Farewell)
            {
                FarewellCount++;
                _heartbeat?.Left(rank);
            }
            else if (record.Kind == ControlKind.Refuse)
            {
                Refuse(record.Slot);
            }
            else if (_links.TryGetValue((rank, record.Link), out var link))
            {
                link.Handle(record);
            }
            else if (record.Kind == ControlKind.Request)
            {
                // We closed the link before the request came: whoever asked gets its slot back.
                _ = Write(rank, new ControlRecord(ControlKind.Refuse, record.Link, record.Slot, record.Message), int.MaxValue);
                Flush(rank);
            }
        }
    }

    private static void TakeMessages(int rank, ReadOnlySpan<byte> bytes, Action<int, ReadOnlyMemory<byte>> handler)
    {
        while (bytes.Length >= sizeof(int))
        {
            var length = BitConverter.ToInt32(bytes);
            handler(rank, bytes.Slice(sizeof(int), length).ToArray());
            bytes = bytes[(sizeof(int) + length)..];
        }
    }

    private void Open(int rank, LinkName name)
    {
        var id = LinkId.Incoming(++_incomingSequence);
        var link = new MpiLink(this, id, name, rank);
        _links.Add((rank, name), link);
        Post(new Input(InputKind.LinkOpened, Link: id, Address: PeerAddress.FromRank(rank), Detail: link));
    }

    private void Refuse(int number)
    {
        if (_slots.Find(number) is not { } slot)
        {
            throw new MpiException($"a refusal came for reply slot {number}, which there is not");
        }

        if (slot.Link is { } link)
        {
            link.Refused(slot);
        }
        else
        {
            _slots.Return(slot);
        }
    }
}
