using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Bench;

/// <summary>
/// Production swarms that hand their messages to each other in memory, with no network between: one seeder, and leechers that each know
/// a dozen others. Time goes on by rounds; what is sent in one arrives in the next, and a peer sends one block every so many rounds, as an
/// uplink would. Hashing and writing are done at once. So nearly all the work is the engine's.
/// </summary>
internal sealed class MemoryCrowd
{
    private const long RoundNanoseconds = 10_000_000;
    private const int RoundsPerBlock = 10;
    private const int KnownPeerCount = 12;

    private readonly PieceLayout _layout;
    private readonly byte[] _hashes;
    private readonly Member[] _members;
    private List<Delivery> _now = [];
    private List<Delivery> _next = [];
    private Instant _time = Instant.Zero;

    public MemoryCrowd(int leecherCount, int pieceCount, int linkCount, int pieceLength, ulong seed)
    {
        _layout = new PieceLayout((long)pieceCount * pieceLength, pieceLength, pieceLength);
        _hashes = new byte[pieceCount * PieceHash.Sha1Length];
        var prng = new Prng(seed);
        _members = new Member[leecherCount + 1];
        for (var i = 0; i < _members.Length; i++)
        {
            _members[i] = new Member(i, new Swarm(
                default, new SwarmOptions { InfoHash = default, MaximumConnectionCount = linkCount, TellsHoldersToo = false }, IdOf(i), prng.NextUInt64()));
        }

        var nothing = new Bitfield(pieceCount);
        var all = nothing.Clone();
        all.SetAll();
        foreach (var member in _members)
        {
            Tell(member, new Input(InputKind.ContentReady, Detail: new ContentState(_layout, _hashes, member.Number == 0 ? all : nothing.Clone())));
            Tell(member, new Input(InputKind.Start));
            for (var i = 0; i < KnownPeerCount; i++)
            {
                Tell(member, new Input(InputKind.PeerFound, Address: PeerAddress.FromRank(prng.Next(_members.Length))));
            }
        }
    }

    /// <summary>Messages that swarms were told of: control messages, and blocks that came.</summary>
    public long MessageCount { get; private set; }

    /// <summary>All that swarms were told: messages, and also blocks that left, pieces hashed and written, links, timers.</summary>
    public long InputCount { get; private set; }

    /// <summary>Swarms that have everything.</summary>
    public int CompleteCount { get; private set; }

    /// <summary>Goes on until all have everything; false if they do not within a thousand virtual seconds.</summary>
    public bool Run()
    {
        for (var round = 0; CompleteCount < _members.Length; round++)
        {
            if (round == 100_000)
            {
                return false;
            }

            _time = new Instant(round * RoundNanoseconds);
            (_now, _next) = (_next, _now);
            foreach (var delivery in _now)
            {
                Deliver(delivery);
            }

            _now.Clear();
            foreach (var member in _members)
            {
                if ((round + member.Number) % RoundsPerBlock == 0 && member.Uploads.TryDequeue(out var upload))
                {
                    SendBlock(member, upload);
                }

                if (member.Swarm.Deadline <= _time)
                {
                    Tell(member, new Input(InputKind.Timer));
                }
            }
        }

        return true;
    }

    private static PeerId IdOf(int number)
    {
        var id = new byte[PeerId.Length];
        BitConverter.TryWriteBytes(id, number);
        return new PeerId(id);
    }

    private void Tell(Member member, in Input input)
    {
        InputCount++;
        MessageCount += input.Kind is InputKind.Message or InputKind.BlockReceived or InputKind.BlockDiscarded ? 1 : 0;
        member.Swarm.Handle(_time, input);
        while (member.Swarm.TryPoll(out var output))
        {
            Do(member, output);
        }
    }

    private void Do(Member member, in Output output)
    {
        switch (output.Kind)
        {
            case OutputKind.Send:
                Send(member, output.Link, InputKind.Message, output.Message);
                break;
            case OutputKind.Request when member.LinkOf(output.Link) is { } link:
                link.Expected.Add((output.Message.Block, output.Slot));
                Send(member, output.Link, InputKind.Message, output.Message);
                break;
            case OutputKind.Forget when member.LinkOf(output.Link) is { } link:
                link.TryTake(output.Message.Block, out _);
                break;
            case OutputKind.Upload:
                member.Uploads.Enqueue((output.Link, output.Message));
                break;
            case OutputKind.Hash:
                _next.Add(new Delivery(member.Number, InputKind.PieceHashed, default, output.Message, output.Slot));
                break;
            case OutputKind.Write:
                _next.Add(new Delivery(member.Number, InputKind.PieceWritten, default, output.Message, output.Slot));
                break;
            case OutputKind.Connect:
                Connect(member, output.Link, _members[output.Address.Rank]);
                break;
            case OutputKind.CloseLink when member.LinkOf(output.Link) is { } link:
                _next.Add(new Delivery(member.Number, InputKind.LinkClosed, output.Link, default, default));
                _next.Add(new Delivery(link.Other, InputKind.LinkClosed, link.OtherLink, default, default));
                break;
            case OutputKind.Event when output.Detail is SwarmEvent.Completed:
                CompleteCount++;
                break;
            default:
                break;
        }
    }

    private void Connect(Member caller, LinkId link, Member callee)
    {
        var accepted = LinkId.Incoming(++callee.IncomingCount);
        caller.Add(link, new End(callee.Number, accepted));
        callee.Add(accepted, new End(caller.Number, link));
        _next.Add(new Delivery(caller.Number, InputKind.LinkOpened, link, default, default));
        _next.Add(new Delivery(callee.Number, InputKind.LinkOpened, accepted, default, default));
    }

    private void Send(Member member, LinkId link, InputKind kind, in PeerMessage message)
    {
        if (member.LinkOf(link) is { } end)
        {
            _next.Add(new Delivery(end.Other, kind, end.OtherLink, message, default));
        }
    }

    private void SendBlock(Member member, (LinkId Link, PeerMessage Message) upload)
    {
        Send(member, upload.Link, InputKind.BlockReceived, upload.Message);
        Tell(member, new Input(InputKind.BlocksSent, Link: upload.Link, Count: 1, Bytes: upload.Message.Length));
    }

    private void Deliver(in Delivery delivery)
    {
        var member = _members[delivery.Member];
        var end = member.LinkOf(delivery.Link);
        switch (delivery.Kind)
        {
            case InputKind.PieceHashed or InputKind.PieceWritten:
                Tell(member, new Input(delivery.Kind, Message: delivery.Message, Slot: delivery.Slot, Hash: new PieceHash(_hashes.AsSpan(0, PieceHash.Sha1Length))));
                break;
            case var _ when end is null:
                break; // of a link that has gone meanwhile
            case InputKind.LinkOpened:
                Tell(member, new Input(InputKind.LinkOpened, Link: delivery.Link, Address: PeerAddress.FromRank(end.Other)));
                break;
            case InputKind.LinkClosed:
                member.Add(delivery.Link, null);
                Tell(member, new Input(InputKind.LinkClosed, Link: delivery.Link));
                break;
            case InputKind.BlockReceived:
                var kind = end.TryTake(delivery.Message.Block, out var slot) ? InputKind.BlockReceived : InputKind.BlockDiscarded;
                Tell(member, new Input(kind, Link: delivery.Link, Message: delivery.Message, Slot: slot));
                break;
            default:
                Tell(member, new Input(delivery.Kind, Link: delivery.Link, Message: delivery.Message));
                break;
        }
    }

    private readonly record struct Delivery(int Member, InputKind Kind, LinkId Link, PeerMessage Message, BufferSlot Slot);

    private sealed class Member(int number, Swarm swarm)
    {
        private End?[] _ends = new End?[64];

        public int Number => number;

        public Swarm Swarm => swarm;

        public Queue<(LinkId Link, PeerMessage Message)> Uploads { get; } = new();

        public long IncomingCount { get; set; }

        public End? LinkOf(LinkId link) => link.Value < _ends.Length ? _ends[link.Value] : null;

        public void Add(LinkId link, End? end)
        {
            if (link.Value >= _ends.Length)
            {
                Array.Resize(ref _ends, (int)link.Value * 2);
            }

            _ends[link.Value] = end;
        }
    }

    // One end of a link: where the other is, and what is expected.
    private sealed class End(int other, LinkId otherLink)
    {
        public int Other => other;

        public LinkId OtherLink => otherLink;

        public List<(BlockRequest Block, BufferSlot Slot)> Expected { get; } = [];

        public bool TryTake(in BlockRequest block, out BufferSlot slot)
        {
            for (var i = 0; i < Expected.Count; i++)
            {
                if (Expected[i].Block == block)
                {
                    slot = Expected[i].Slot;
                    Expected.RemoveAt(i);
                    return true;
                }
            }

            slot = BufferSlot.None;
            return false;
        }
    }
}
