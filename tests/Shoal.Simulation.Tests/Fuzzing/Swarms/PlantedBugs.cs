using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Simulation.Tests.Fuzzing.Swarms;

/// <summary>
/// A swarm with a bug: a double that passes everything between the world and the swarm but what the bug changes. Drains as every machine
/// does.
/// </summary>
internal abstract class PlantedBug(IMachine machine) : IMachine
{
    protected IMachine Machine { get; } = machine;

    protected Instant Now { get; private set; }

    public virtual Instant Deadline => Machine.Deadline;

    public void Handle(Instant now, in Input input)
    {
        Now = now;
        if (Hears(input))
        {
            Machine.Handle(now, input);
        }
    }

    /// <summary>What the world is told besides.</summary>
    protected Queue<Output> Extra { get; } = new();

    public virtual bool TryPoll(out Output output)
    {
        if (Extra.TryDequeue(out output))
        {
            return true;
        }

        while (Machine.TryPoll(out output))
        {
            if (Says(ref output))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the swarm is told.</summary>
    protected virtual bool Hears(in Input input) => true;

    /// <summary>Whether the world is told, and what.</summary>
    protected virtual bool Says(ref Output output) => true;
}

/// <summary>When a block has come from one peer, the others that were asked for it are left to send it too.</summary>
internal sealed class EndgameThatNeverCancels(IMachine machine) : PlantedBug(machine)
{
    protected override bool Says(ref Output output) => output is not { Kind: OutputKind.Send, Message.Kind: PeerMessageKind.Cancel };
}

/// <summary>A block that a peer rejected, or did not send in time, is never asked for again: of nobody.</summary>
internal sealed class PickerThatForgetsReleasedBlocks(IMachine machine) : PlantedBug(machine)
{
    private readonly HashSet<BlockRequest> _released = [];
    private readonly HashSet<(LinkId, BlockRequest)> _unsaid = [];

    protected override bool Says(ref Output output)
    {
        var block = output.Message.Block;
        switch (output.Kind)
        {
            case OutputKind.Request when _released.Contains(block):
                // To the swarm it is as if the peer refused, so it does not wait for what was never asked for.
                _unsaid.Add((output.Link, block));
                Machine.Handle(Now, new Input(InputKind.Message, Link: output.Link, Message: PeerMessage.Reject(block)));
                return false;
            case OutputKind.Forget when !_unsaid.Remove((output.Link, block)):
                _released.Add(block);
                return true;
            default:
                return output.Kind != OutputKind.Forget;
        }
    }
}

/// <summary>An unchoked peer that asks for a piece that is not here, or no longer, is given it all the same.</summary>
internal sealed class UploaderThatServesUnverifiedPieces(IMachine machine) : PlantedBug(machine)
{
    private readonly HashSet<LinkId> _unchoked = [];

    protected override bool Says(ref Output output)
    {
        switch (output)
        {
            case { Kind: OutputKind.Send, Message.Kind: PeerMessageKind.Unchoke }:
                _unchoked.Add(output.Link);
                break;
            case { Kind: OutputKind.Send, Message.Kind: PeerMessageKind.Choke }:
                _unchoked.Remove(output.Link);
                break;
            case { Kind: OutputKind.Send, Message.Kind: PeerMessageKind.RejectRequest } when _unchoked.Contains(output.Link):
                output = output with { Kind = OutputKind.Upload, Message = output.Message with { Kind = PeerMessageKind.Piece } };
                break;
            default:
                break;
        }

        return true;
    }
}

/// <summary>A piece is told of when its last block is there, before it was hashed.</summary>
internal sealed class HaveBeforeTheHash(IMachine machine) : PlantedBug(machine)
{
    private readonly HashSet<LinkId> _open = [];

    protected override bool Says(ref Output output)
    {
        switch (output.Kind)
        {
            case OutputKind.Send when output.Message.Kind != PeerMessageKind.Handshake:
                _open.Add(output.Link);
                break;
            case OutputKind.CloseLink:
                _open.Remove(output.Link);
                break;
            case OutputKind.Hash:
                var have = PeerMessage.Have(output.Piece);
                _open.Order().ToList().ForEach(link => Extra.Enqueue(new Output(OutputKind.Send, default, link, have)));
                break;
            default:
                break;
        }

        return true;
    }

    protected override bool Hears(in Input input)
    {
        if (input.Kind == InputKind.LinkClosed)
        {
            _open.Remove(input.Link);
        }

        return true;
    }
}

/// <summary>Whatever the hash of a piece, it is taken for right.</summary>
internal sealed class HashThatIsNotLookedAt(IMachine machine, Func<PieceIndex, PieceHash> hashOf) : PlantedBug(machine)
{
    protected override bool Hears(in Input input)
    {
        if (input.Kind != InputKind.PieceHashed)
        {
            return true;
        }

        Machine.Handle(Now, input with { Hash = hashOf(input.Piece) });
        return false;
    }
}

/// <summary>After a while, the timer is not set again.</summary>
internal sealed class LostTimer(IMachine machine, int lastTick) : PlantedBug(machine)
{
    private int _count;

    public override Instant Deadline => _count >= lastTick ? Instant.Never : Machine.Deadline;

    protected override bool Hears(in Input input)
    {
        _count += input.Kind == InputKind.Timer ? 1 : 0;
        return true;
    }
}

/// <summary>The timer is set, and when it comes nothing is done.</summary>
internal sealed class TimerThatDoesNothing(IMachine machine) : PlantedBug(machine)
{
    protected override bool Hears(in Input input) => input.Kind != InputKind.Timer;
}

/// <summary>A slot is given back while its blocks may still come.</summary>
internal sealed class RequestThatIsNotForgotten(IMachine machine) : PlantedBug(machine)
{
    protected override bool Says(ref Output output) => output.Kind != OutputKind.Forget;
}

/// <summary>A choke is not heard, so blocks are asked for on.</summary>
internal sealed class DeafToChokes(IMachine machine) : PlantedBug(machine)
{
    protected override bool Hears(in Input input) => input is not { Kind: InputKind.Message, Message.Kind: PeerMessageKind.Choke };
}

/// <summary>A slot is never given back.</summary>
internal sealed class SlotThatIsKept(IMachine machine) : PlantedBug(machine)
{
    protected override bool Says(ref Output output) => output.Kind != OutputKind.ReleaseSlot;
}

/// <summary>Whoever asks in vain does not hear so.</summary>
internal sealed class RejectsThatAreNotSaid(IMachine machine) : PlantedBug(machine)
{
    protected override bool Says(ref Output output) => output is not { Kind: OutputKind.Send, Message.Kind: PeerMessageKind.RejectRequest };
}

/// <summary>Of fifty blocks that are to be served, one is lost on the way to the disk.</summary>
internal sealed class UploadThatIsLost(IMachine machine) : PlantedBug(machine)
{
    private const int OneOf = 50;

    private int _count;

    protected override bool Says(ref Output output) => output.Kind != OutputKind.Upload || ++_count % OneOf != 0;
}

/// <summary>A new piece is told to nobody.</summary>
internal sealed class HavesThatAreNotSaid(IMachine machine) : PlantedBug(machine)
{
    protected override bool Says(ref Output output) => output is not { Kind: OutputKind.Send, Message.Kind: PeerMessageKind.Have };
}

/// <summary>A new piece is told to all but one: the latest of the links.</summary>
internal sealed class HaveThatSomeoneMisses(IMachine machine) : PlantedBug(machine)
{
    private LinkId _latest;

    protected override bool Hears(in Input input)
    {
        _latest = input.Kind == InputKind.LinkOpened ? input.Link : _latest;
        return true;
    }

    protected override bool Says(ref Output output) =>
        output is not { Kind: OutputKind.Send, Message.Kind: PeerMessageKind.Have } || output.Link != _latest;
}

/// <summary>Nobody is told that the link lives.</summary>
internal sealed class KeepAlivesThatAreNotSaid(IMachine machine) : PlantedBug(machine)
{
    protected override bool Says(ref Output output) => output is not { Kind: OutputKind.Send, Message.Kind: PeerMessageKind.KeepAlive };
}

/// <summary>Once it has said that it is complete, it says so for ever.</summary>
internal sealed class EndlessTale(IMachine machine) : PlantedBug(machine)
{
    protected override bool Says(ref Output output)
    {
        if (output is { Kind: OutputKind.Event, Detail: SwarmEvent.PieceCompleted or SwarmEvent.TrackerReplied })
        {
            Extra.Enqueue(output with { Detail = new SwarmEvent.Resumed() });
        }

        return true;
    }

    public override bool TryPoll(out Output output)
    {
        if (Extra.TryPeek(out output))
        {
            return true;
        }

        return base.TryPoll(out output);
    }
}

/// <summary>In a job: the third order of whom to ask is not heard.</summary>
internal sealed class OrderThatIsNotHeard(IMachine machine) : PlantedBug(machine)
{
    private int _count;

    protected override bool Hears(in Input input) => input.Kind != InputKind.HoldersOrdered || ++_count != 3;
}

/// <summary>In a job: the end of the second round is not told, so there is no order for a third.</summary>
internal sealed class RoundThatIsNotTold(IMachine machine) : PlantedBug(machine)
{
    private int _count;

    protected override bool Says(ref Output output) => output is not { Kind: OutputKind.Event, Detail: SwarmEvent.RoundEnded } || ++_count != 2;
}

/// <summary>Metadata, and requests for them, are not heard.</summary>
internal sealed class DeafToMetadata(IMachine machine) : PlantedBug(machine)
{
    protected override bool Hears(in Input input) =>
        input is not { Kind: InputKind.Message, Message: { Kind: PeerMessageKind.Extended, Begin: > 0 } };
}
