using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime;

namespace Shoal.Sockets.Tests.Tcp;

/// <summary>A machine made of what a test says, with a queue of outputs.</summary>
internal abstract class ToyMachine : IMachine
{
    protected static readonly SwarmId Swarm = new(1);
    private readonly Queue<Output> _outputs = new();

    public Instant Deadline { get; set; } = Instant.Never;

    public abstract void Handle(Instant now, in Input input);

    public bool TryPoll(out Output output) => _outputs.TryDequeue(out output);

    protected void Put(in Output output) => _outputs.Enqueue(output);

    protected void Send(LinkId link, in PeerMessage message) => Put(new Output(OutputKind.Send, Swarm, link, message));
}

/// <summary>Sends what is asked for.</summary>
internal sealed class ToySeeder : ToyMachine
{
    public long SentBytes { get; private set; }

    public List<string> Failures { get; } = [];

    public override void Handle(Instant now, in Input input)
    {
        switch (input.Kind)
        {
            case InputKind.Message when input.Message.Kind == PeerMessageKind.Handshake:
                Send(input.Link, input.Message);
                break;
            case InputKind.Message when input.Message.Kind == PeerMessageKind.Request:
                Put(new Output(OutputKind.Upload, Swarm, input.Link, input.Message));
                break;
            case InputKind.BlocksSent:
                SentBytes += input.Bytes;
                break;
            case InputKind.ReadFailed:
                Failures.Add((string)input.Detail!);
                break;
            default:
                break;
        }
    }
}

/// <summary>Gets everything from one peer, in order, with so many requests in the air and so many slots.</summary>
internal sealed class ToyLeecher(PieceLayout layout, PeerAddress seeder, int depth, int slotCount) : ToyMachine
{
    private readonly int[] _missing = new int[layout.PieceCount];
    private readonly int[] _slotOf = new int[layout.PieceCount];
    private readonly Stack<int> _freeSlots = new(Enumerable.Range(0, slotCount));
    private LinkId _link;
    private int _piece;
    private int _block;
    private int _inAir;
    private int _written;

    public TaskCompletionSource<string?> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PieceHash[] Hashes { get; } = new PieceHash[layout.PieceCount];

    public long DiscardedBytes { get; private set; }

    /// <summary>Called with the number of pieces written so far, within the turn.</summary>
    public Action<int>? OnWritten { get; set; }

    public override void Handle(Instant now, in Input input)
    {
        switch (input.Kind)
        {
            case InputKind.Start:
                _link = LinkId.Outgoing(1);
                Put(new Output(OutputKind.Connect, Swarm, _link, Address: seeder));
                break;
            case InputKind.LinkOpened:
                Send(_link, new Handshake(default, default, true, true).ToMessage());
                break;
            case InputKind.Message when input.Message.Kind == PeerMessageKind.Handshake:
                Fill();
                break;
            case InputKind.BlockReceived:
                _inAir--;
                if (--_missing[input.Piece.Value] == 0)
                {
                    Put(new Output(OutputKind.Hash, Swarm, Message: PeerMessage.Have(input.Piece), Slot: input.Slot));
                }

                Fill();
                break;
            case InputKind.BlockDiscarded:
                DiscardedBytes += input.Message.Length;
                break;
            case InputKind.PieceHashed:
                Hashes[input.Piece.Value] = input.Hash;
                Put(new Output(OutputKind.Write, Swarm, Message: PeerMessage.Have(input.Piece), Slot: input.Slot));
                break;
            case InputKind.PieceWritten:
                Put(new Output(OutputKind.ReleaseSlot, Swarm, Slot: input.Slot));
                _freeSlots.Push(input.Slot.Value);
                OnWritten?.Invoke(_written + 1);
                if (++_written == layout.PieceCount)
                {
                    Put(new Output(OutputKind.CloseLink, Swarm, _link));
                }

                Fill();
                break;
            case InputKind.LinkClosed:
                Ended.TrySetResult(_written == layout.PieceCount ? null : $"closed after {_written} pieces: {input.Detail}");
                break;
            case InputKind.WriteFailed or InputKind.ReadFailed:
                Ended.TrySetResult(input.Detail!.ToString());
                break;
            default:
                break;
        }
    }

    private void Fill()
    {
        while (_inAir < depth && _piece < layout.PieceCount)
        {
            if (_block == 0)
            {
                if (!_freeSlots.TryPop(out var slot))
                {
                    return;
                }

                _slotOf[_piece] = slot;
                _missing[_piece] = layout.BlockCountOf(new PieceIndex(_piece));
            }

            var request = layout.BlockAt(new PieceIndex(_piece), _block);
            Put(new Output(OutputKind.Request, Swarm, _link, PeerMessage.Request(request), new BufferSlot(_slotOf[_piece])));
            _inAir++;
            if (++_block == layout.BlockCountOf(new PieceIndex(_piece)))
            {
                (_piece, _block) = (_piece + 1, 0);
            }
        }
    }
}

/// <summary>Pieces in memory; what was never written is a function of its place.</summary>
internal sealed class ToyStore : IPieceStore
{
    private readonly byte[] _content;
    private readonly int _pieceLength;

    public ToyStore(PieceLayout layout, int seed)
    {
        _pieceLength = layout.PieceLength;
        _content = new byte[layout.TotalLength];
        if (seed != 0)
        {
            new Random(seed).NextBytes(_content);
        }
    }

    public ReadOnlySpan<byte> Content => _content;

    public PieceHash HashOf(PieceLayout layout, int piece) =>
        new(SHA1.HashData(_content.AsSpan(piece * layout.PieceLength, layout.LengthOf(new PieceIndex(piece)))));

    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) =>
        bytes.CopyTo(_content.AsSpan((piece.Value * _pieceLength) + begin));

    public void Read(PieceIndex piece, int begin, Span<byte> destination) =>
        _content.AsSpan((piece.Value * _pieceLength) + begin, destination.Length).CopyTo(destination);

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore)
    {
        var rest = destination;
        foreach (var block in blocks)
        {
            Read(block.Piece, block.Begin, rest.Slice(gapBefore, block.Length));
            rest = rest[(gapBefore + block.Length)..];
        }

        return destination.Length - rest.Length;
    }
}
