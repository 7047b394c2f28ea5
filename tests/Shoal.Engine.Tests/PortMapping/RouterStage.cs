using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.Tests.PortMapping;

/// <summary>A machine and a router on a virtual clock.</summary>
internal sealed class RouterStage
{
    private readonly Queue<PortMappingInput> _inputs = new();

    public RouterStage(ToyRouter router, RouterPortsOptions? options = null, ulong seed = 1, ushort? nodePort = 51414)
    {
        Router = router;
        Machine = new RouterPorts(options ?? Options, new Prng(seed));
        _inputs.Enqueue(Want(PortTransport.Tcp, 51413));
        if (nodePort is { } port)
        {
            _inputs.Enqueue(Want(PortTransport.Udp, port));
        }
    }

    public static RouterPortsOptions Options { get; } = new()
    {
        Gateway = ToyRouter.Address, Self = ToyRouter.Client,
    };

    public ToyRouter Router { get; }

    public RouterPorts Machine { get; }

    public Instant Now { get; private set; } = Instant.Zero;

    /// <summary>What the user would see, with the seconds when.</summary>
    public List<string> Told { get; } = [];

    /// <summary>When something was sent to the gateway.</summary>
    public List<double> SentAt { get; } = [];

    public static PortMappingInput.Want Want(PortTransport transport, ushort port) => new(transport, port, default);

    /// <summary>Lets time pass; whatever is asked is answered by the router at once.</summary>
    public void Run(TimeSpan time)
    {
        var end = Now + time;
        while (true)
        {
            Settle();
            if (Machine.Deadline > end)
            {
                Now = end;
                return;
            }

            Now = Instant.Max(Now, Machine.Deadline);
            _inputs.Enqueue(new PortMappingInput.Timer());
        }
    }

    public void Tell(PortMappingInput input)
    {
        _inputs.Enqueue(input);
        Settle();
    }

    private void Settle()
    {
        while (_inputs.TryDequeue(out var input))
        {
            Machine.Handle(Now, input);
            while (Machine.TryPoll(out var output))
            {
                Note(output);
                foreach (var answer in Router.Answer(Now, output))
                {
                    _inputs.Enqueue(answer);
                }
            }
        }
    }

    private void Note(PortMappingOutput output)
    {
        var second = Math.Round(Now.Nanoseconds / 1e9, 2);
        switch (output)
        {
            case PortMappingOutput.Mapped { Port: var port }:
                Told.Add($"{port.Transport} {port.InternalPort} at {port.External} by {port.ProtocolName}");
                break;
            case PortMappingOutput.Renewed { Port: var port }:
                Told.Add($"{port.Transport} renewed");
                break;
            case PortMappingOutput.Lost { Port: var port, Reason: var reason }:
                Told.Add($"{port.Transport} lost: {reason}");
                break;
            case PortMappingOutput.Failed failed:
                Told.Add($"{failed.Transport} failed: {failed.Reason}");
                break;
            case PortMappingOutput.ToGateway:
                SentAt.Add(second);
                break;
            default:
                break;
        }
    }
}
