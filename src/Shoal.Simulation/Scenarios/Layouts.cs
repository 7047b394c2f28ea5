using Shoal.Protocol;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Scenarios;

/// <summary>How finely a scenario is simulated, where it does not say so itself.</summary>
internal static class Layouts
{
    /// <summary>Blocks that all peers together receive, at most, where the block length is left to us.</summary>
    private const long MaximumBlockCount = 20_000_000;

    private const int SmallCount = 500;

    /// <summary>How the content is cut.</summary>
    public static PieceLayout Of(Scenario scenario)
    {
        var pieceLength = ScenarioRules.PieceLengthOf(scenario);
        if (scenario.Swarm.IsJob)
        {
            return new PieceLayout(scenario.ContentLength, pieceLength, pieceLength); // a segment is one block
        }

        var blockLength = scenario.BlockLength ?? PieceLayout.DefaultBlockLength;
        var received = (Int128)scenario.ContentLength * scenario.Classes.Sum(peers => peers.IsSeeder ? 0 : (long)peers.Count);
        while (scenario.BlockLength is null && blockLength < pieceLength && received / blockLength > MaximumBlockCount)
        {
            blockLength *= 2;
        }

        return new PieceLayout(scenario.ContentLength, pieceLength, blockLength);
    }

    /// <summary>How often shares are looked at, in nanoseconds: the fewer peers, the finer.</summary>
    public static long QuantumFor(Scenario scenario) =>
        scenario.Classes.Sum(peers => (long)peers.Count) <= SmallCount ? VirtualTime.Millisecond : 10 * VirtualTime.Millisecond;
}
