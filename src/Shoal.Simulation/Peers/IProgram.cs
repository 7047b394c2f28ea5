using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Peers;

/// <summary>
/// What a peer runs in one life: which machine, how it begins and ends, and whom it asks for peers. Links, slots and disk are the
/// <see cref="MachineDriver"/>'s, the same for all.
/// </summary>
internal interface IProgram
{
    /// <summary>What is driven.</summary>
    IMachine Machine { get; }

    /// <summary>How its swarm is to behave; null while it has none.</summary>
    SwarmOptions? Options { get; }

    /// <summary>How its swarm stands; null while it has none.</summary>
    SwarmStatus? Status { get; }

    /// <summary>Payload that was of no use, as the engine counts it.</summary>
    long WastedBytes { get; }

    /// <summary>Begins.</summary>
    void Start(MachineDriver driver);

    /// <summary>Ends politely.</summary>
    void Leave();

    /// <summary>Does what neither links nor disk do: Announce and Event.</summary>
    void Do(in Output output);

    /// <summary>Whether it has a <see cref="Turn"/>.</summary>
    bool TakesTurns { get; }

    /// <summary>The machine has been told something and has said all it wants.</summary>
    void Turn();

    /// <summary>Something came that is meant for none of the links: an answer, a letter.</summary>
    void Handle(in Event happening);
}
