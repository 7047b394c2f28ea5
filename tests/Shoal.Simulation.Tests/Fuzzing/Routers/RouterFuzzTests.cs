using Shoal.Engine;
using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;
using Shoal.Simulation.Fuzzing.Routers;

namespace Shoal.Simulation.Tests.Fuzzing.Routers;

/// <summary>The fuzzer's routers find faults: known ones, planted before the machine that asks them, each within a stated number of seeds.</summary>
public sealed class RouterFuzzTests(ITestOutputHelper output)
{
    // The name, the seeds within which it is found, and a word of what is said of it.
    [Theory]
    [InlineData(nameof(SourceThatIsNotLookedAt), 20, "that nobody gave")]
    [InlineData(nameof(NonceThatIsNotLookedAt), 100, "that nobody gave")]
    [InlineData(nameof(RedirectThatIsFollowed), 100, "is asked")]
    [InlineData(nameof(ZeroThatIsForEver), 20, "that nobody gave")]
    [InlineData(nameof(RenewalThatIsForgotten), 5, "claim")]
    [InlineData(nameof(EndThatIsNotTold), 5, "left open")]
    [InlineData(nameof(AsksAllTheTime), 5, "times in a minute")]
    [InlineData(nameof(ThrowsAtShortDatagrams), 20, "throws")]
    public void A_planted_bug_is_found(string bug, int seedCount, string word)
    {
        for (ulong seed = 0; seed < (ulong)seedCount; seed++)
        {
            if (RouterRun.Run(RouterCases.Of(seed), machine => Plant(bug, machine)) is { Failure: { } failure })
            {
                output.WriteLine($"seed {seed}: {failure}");
                Assert.Contains(word, failure, StringComparison.Ordinal);
                return;
            }
        }

        Assert.Fail($"{bug} is not found within {seedCount} seeds");
    }

    [Fact]
    public void Ports_are_mapped_and_renewed_in_every_world()
    {
        var outcomes = Enumerable.Range(0, 60).Select(seed => RouterRun.Run(RouterCases.Of((ulong)seed))).ToArray();
        Assert.All(outcomes, outcome => Assert.InRange(outcome.GrantCount, 3, int.MaxValue));
    }

    private static IPortMachine Plant(string bug, IPortMachine machine) => bug switch
    {
        nameof(SourceThatIsNotLookedAt) => new SourceThatIsNotLookedAt(machine),
        nameof(NonceThatIsNotLookedAt) => new NonceThatIsNotLookedAt(machine),
        nameof(RedirectThatIsFollowed) => new RedirectThatIsFollowed(machine),
        nameof(ZeroThatIsForEver) => new ZeroThatIsForEver(machine),
        nameof(RenewalThatIsForgotten) => new RenewalThatIsForgotten(machine),
        nameof(EndThatIsNotTold) => new EndThatIsNotTold(machine),
        nameof(AsksAllTheTime) => new AsksAllTheTime(machine),
        nameof(ThrowsAtShortDatagrams) => new ThrowsAtShortDatagrams(machine),
        _ => throw new ArgumentException(bug, nameof(bug)),
    };
}

/// <summary>A machine with a bug: a double that passes everything between the world and it but what the bug changes.</summary>
internal abstract class PlantedInPorts(IPortMachine machine) : IPortMachine
{
    protected IPortMachine Machine { get; } = machine;

    /// <summary>What the world is told besides.</summary>
    protected Queue<PortMappingOutput> Extra { get; } = new();

    public virtual Instant Deadline => Machine.Deadline;

    public IEnumerable<MappedPort> Mapped => Machine.Mapped;

    public virtual bool IsReleased => Machine.IsReleased;

    public virtual void Handle(Instant now, PortMappingInput input) => Machine.Handle(now, input);

    public virtual bool TryPoll(out PortMappingOutput output)
    {
        if (Extra.TryDequeue(out output!))
        {
            return true;
        }

        while (Machine.TryPoll(out output))
        {
            if (Says(output))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the world is told.</summary>
    protected virtual bool Says(PortMappingOutput output) => true;
}

/// <summary>Whoever answers is the gateway.</summary>
internal sealed class SourceThatIsNotLookedAt(IPortMachine machine) : PlantedInPorts(machine)
{
    public override void Handle(Instant now, PortMappingInput input) =>
        Machine.Handle(now, input is PortMappingInput.Datagram datagram ? datagram with { Source = VirtualRouter.Address } : input);
}

/// <summary>A PCP answer with another nonce counts.</summary>
internal sealed class NonceThatIsNotLookedAt(IPortMachine machine) : PlantedInPorts(machine)
{
    private PcpNonce _nonce;

    public override void Handle(Instant now, PortMappingInput input) => Machine.Handle(
        now,
        input is PortMappingInput.Datagram datagram && PcpCodec.TryReadMapReply(datagram.Packet.Span, out var reply)
            ? datagram with { Packet = PcpCodec.WriteMapReply(reply with { Map = reply.Map with { Nonce = _nonce } }) }
            : input);

    protected override bool Says(PortMappingOutput output)
    {
        if (output is PortMappingOutput.ToGateway { Packet: var packet } && PcpCodec.TryReadMapRequest(packet.Span, out var request))
        {
            _nonce = request.Map.Nonce;
        }

        return true;
    }
}

/// <summary>A redirect is followed wherever it leads.</summary>
internal sealed class RedirectThatIsFollowed(IPortMachine machine) : PlantedInPorts(machine)
{
    public override void Handle(Instant now, PortMappingInput input)
    {
        Machine.Handle(now, input);
        if (input is PortMappingInput.HttpAnswer { Status: 302, Id: var id })
        {
            Extra.Enqueue(new PortMappingOutput.Http(id, new Uri("http://203.0.113.9/root.xml"), null));
        }
    }
}

/// <summary>A lifetime of 0 is taken for no bound.</summary>
internal sealed class ZeroThatIsForEver(IPortMachine machine) : PlantedInPorts(machine)
{
    public override void Handle(Instant now, PortMappingInput input)
    {
        if (input is PortMappingInput.Datagram datagram)
        {
            var packet = datagram.Packet.Span;
            input = NatPmpCodec.TryReadMapReply(packet, out var map) && map is { Result: NatPmpResult.Success, Map.LifetimeSeconds: 0 }
                ? datagram with { Packet = NatPmpCodec.WriteMapReply(map with { Map = map.Map with { LifetimeSeconds = uint.MaxValue } }) }
                : PcpCodec.TryReadMapReply(packet, out var pcp) && pcp is { Result: PcpResult.Success, LifetimeSeconds: 0 }
                ? datagram with { Packet = PcpCodec.WriteMapReply(pcp with { LifetimeSeconds = uint.MaxValue, Map = pcp.Map with { External = VirtualRouter.Address } }) }
                : input;
        }

        Machine.Handle(now, input);
    }
}

/// <summary>Once a port is mapped, no timer goes off any more.</summary>
internal sealed class RenewalThatIsForgotten(IPortMachine machine) : PlantedInPorts(machine)
{
    public override Instant Deadline => Machine.Mapped.Any() ? Instant.Never : Machine.Deadline;
}

/// <summary>In the end it is said that all is given back, and the router hears nothing.</summary>
internal sealed class EndThatIsNotTold(IPortMachine machine) : PlantedInPorts(machine)
{
    private bool _isOver;

    public override Instant Deadline => _isOver ? Instant.Never : Machine.Deadline;

    public override bool IsReleased => _isOver;

    public override void Handle(Instant now, PortMappingInput input)
    {
        _isOver |= input is PortMappingInput.Release;
        if (!_isOver)
        {
            Machine.Handle(now, input);
        }
    }
}

/// <summary>Whatever comes, the gateway is asked the same once more.</summary>
internal sealed class AsksAllTheTime(IPortMachine machine) : PlantedInPorts(machine)
{
    private PortMappingOutput? _asked;

    public override void Handle(Instant now, PortMappingInput input)
    {
        Machine.Handle(now, input);
        if (_asked is not null && input is not PortMappingInput.Timer)
        {
            Extra.Enqueue(_asked);
        }
    }

    protected override bool Says(PortMappingOutput output)
    {
        _asked = output as PortMappingOutput.ToGateway ?? _asked;
        return true;
    }
}

/// <summary>It looks at bytes that a refusal does not have.</summary>
internal sealed class ThrowsAtShortDatagrams(IPortMachine machine) : PlantedInPorts(machine)
{
    public override void Handle(Instant now, PortMappingInput input)
    {
        _ = input is PortMappingInput.Datagram { Packet: var packet } ? packet.Span[11] : 0;
        Machine.Handle(now, input);
    }
}
