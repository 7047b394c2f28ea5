using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Shoal.Engine;
using Shoal.Protocol;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// Does what a machine puts out: the hands of a <see cref="SwarmHost"/>. Used within turns only, so it has no locks.
/// It also keeps two promises of the contract: nothing comes from a link after LinkClosed, and no block is reported as
/// received after it was forgotten.
/// </summary>
internal sealed class Executor(IMachine machine, ILinkTransport transport, DiskWorkers workers, SlotMemory memory, ILogger logger)
{
    private readonly Dictionary<SwarmId, HostedSwarm> _swarms = [];
    private readonly Dictionary<LinkId, Entry> _links = [];
    private readonly List<Entry> _touched = [];

    // Blocks that were forgotten when their BlockReceived already lay in the mailbox. Nearly always empty.
    private readonly List<(LinkId Link, BlockRequest Block)> _late = [];

    private Entry? _lastLink;
    private HostedSwarm? _lastSwarm;

    public void Attach(SwarmId id, SwarmResources resources)
    {
        if (!_swarms.TryGetValue(id, out var swarm))
        {
            _swarms.Add(id, swarm = new HostedSwarm(id, memory));
        }

        swarm.Update(resources);
    }

    public void Detach(SwarmId id)
    {
        if (_swarms.Remove(id, out var swarm))
        {
            swarm.ReleaseAll();
            _lastSwarm = null;
        }
    }

    /// <summary>Whether the machine may be told, and as what.</summary>
    public bool TryAdmit(in Input input, out Input admitted)
    {
        admitted = input;
        switch (input.Kind)
        {
            case InputKind.LinkOpened when input.Detail is ILink link:
                _links.Add(input.Link, new Entry(input.Link, link));
                Log.LinkOpened(logger, input.Link.Value, input.Address);
                admitted = input with { Detail = null };
                return true;
            case InputKind.LinkClosed:
                Remove(input.Link);
                Log.LinkClosed(logger, input.Link.Value, input.Detail as string ?? "we wanted it no more");
                return true;
            case InputKind.BlockReceived when _late.Count > 0 && _late.Remove((input.Link, input.Message.Block)):
                admitted = input with { Kind = InputKind.BlockDiscarded, Slot = BufferSlot.None };
                return TryFind(input.Link, out _);
            case InputKind.PieceWritten when _swarms.TryGetValue(input.Swarm, out var swarm):
                swarm.Written(input.Slot, input.Piece);
                return true;
            case InputKind.LinkOpened:
                Log.LinkOpened(logger, input.Link.Value, input.Address);
                return TryFind(input.Link, out _);
            case InputKind.Message:
            case InputKind.BlockReceived:
            case InputKind.BlockDiscarded:
            case InputKind.BlocksSent:
                return TryFind(input.Link, out _);
            default:
                return true;
        }
    }

    /// <summary>The drain law: takes and does until there is nothing more.</summary>
    public void Drain()
    {
        while (machine.TryPoll(out var output))
        {
            Do(output);
        }
    }

    /// <summary>The end of a turn: each link that was touched sends once.</summary>
    public void Flush()
    {
        foreach (var entry in _touched)
        {
            entry.IsTouched = false;
            entry.Link.Flush();
        }

        _touched.Clear();
    }

    public void CloseLinks(string reason)
    {
        foreach (var entry in _links.Values)
        {
            entry.Link.Close(reason);
        }
    }

    public void ReleaseAll()
    {
        foreach (var swarm in _swarms.Values)
        {
            swarm.ReleaseAll();
        }
    }

    private void Do(in Output output)
    {
        switch (output.Kind)
        {
            case OutputKind.Connect:
                Log.LinkOpening(logger, output.Link.Value, output.Address);
                _links.Add(output.Link, new Entry(output.Link, transport.Connect(output.Link, output.Swarm, output.Address)));
                break;
            case OutputKind.CloseLink:
                if (TryFind(output.Link, out var closing))
                {
                    closing.Link.Close(output.Detail as string);
                }

                break;
            case OutputKind.Send:
                Touch(output.Link)?.Send(output.Message);
                break;
            case OutputKind.Request:
                Request(output);
                break;
            case OutputKind.Forget:
                Forget(output);
                break;
            case OutputKind.Upload:
                Touch(output.Link)?.Upload(output.Swarm, Swarm(output.Swarm).Store, output.Message.Block);
                break;
            case OutputKind.ReleaseSlot:
                Swarm(output.Swarm).Release(output.Slot);
                break;
            case OutputKind.Announce:
                Swarm(output.Swarm).Resources.OnAnnounce?.Invoke((AnnounceOrder)output.Detail!);
                break;
            case OutputKind.Event:
                Swarm(output.Swarm).Resources.OnEvent?.Invoke((SwarmEvent)output.Detail!);
                break;
            default:
                var swarm = Swarm(output.Swarm);
                workers.Enqueue(new DiskJob(output, swarm.Resources, swarm.AddressOf(output.Slot)));
                break;
        }
    }

    private void Request(in Output output)
    {
        if (Touch(output.Link) is { } link)
        {
            var swarm = Swarm(output.Swarm);
            var block = output.Message.Block;
            if (!swarm.Layout.Contains(block))
            {
                throw new InvalidOperationException($"the engine asked for {block}, which there is not");
            }

            link.Request(block, output.Slot, swarm.AddressOf(output.Slot) + block.Begin);
        }
    }

    private void Forget(in Output output)
    {
        if (TryFind(output.Link, out var entry) && !entry.Link.Forget(output.Message.Block))
        {
            _late.Add((output.Link, output.Message.Block));
        }
    }

    private ILink? Touch(LinkId id)
    {
        if (!TryFind(id, out var entry))
        {
            return null;
        }

        if (!entry.IsTouched)
        {
            entry.IsTouched = true;
            _touched.Add(entry);
        }

        return entry.Link;
    }

    // Inputs and outputs come in runs of the same link and swarm.
    private bool TryFind(LinkId id, [NotNullWhen(true)] out Entry? entry)
    {
        entry = _lastLink;
        if (entry is null || entry.Id != id)
        {
            if (!_links.TryGetValue(id, out entry))
            {
                return false;
            }

            _lastLink = entry;
        }

        return true;
    }

    private void Remove(LinkId id)
    {
        if (_links.Remove(id))
        {
            _lastLink = null;
            _late.RemoveAll(late => late.Link == id);
        }
    }

    private HostedSwarm Swarm(SwarmId id)
    {
        if (_lastSwarm is null || _lastSwarm.Id != id)
        {
            _lastSwarm = _swarms.TryGetValue(id, out var swarm)
                ? swarm
                : throw new InvalidOperationException($"swarm {id.Value} is not attached");
        }

        return _lastSwarm;
    }

    private sealed class Entry(LinkId id, ILink link)
    {
        public LinkId Id => id;

        public ILink Link => link;

        public bool IsTouched { get; set; }
    }
}
