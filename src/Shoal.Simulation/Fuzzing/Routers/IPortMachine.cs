using Shoal.Engine;
using Shoal.Engine.PortMapping;

namespace Shoal.Simulation.Fuzzing.Routers;

/// <summary>The machine that has ports mapped as its driver sees it; a test puts a bug in its place.</summary>
internal interface IPortMachine
{
    Instant Deadline { get; }

    IEnumerable<MappedPort> Mapped { get; }

    bool IsReleased { get; }

    void Handle(Instant now, PortMappingInput input);

    bool TryPoll(out PortMappingOutput output);
}

/// <summary>The production machine.</summary>
internal sealed class PortMachine(RouterPorts ports) : IPortMachine
{
    public Instant Deadline => ports.Deadline;

    public IEnumerable<MappedPort> Mapped => ports.Mapped;

    public bool IsReleased => ports.IsReleased;

    public void Handle(Instant now, PortMappingInput input) => ports.Handle(now, input);

    public bool TryPoll(out PortMappingOutput output) => ports.TryPoll(out output);
}
