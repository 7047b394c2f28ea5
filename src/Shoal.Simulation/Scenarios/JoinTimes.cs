using Shoal.Engine;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Scenarios;

/// <summary>When the peers of each class come, one after the other.</summary>
internal sealed class JoinTimes(Prng prng)
{
    private readonly Dictionary<string, (int Count, long LastAt)> _classes = new(StringComparer.Ordinal);

    /// <summary>When the next peer of the class comes.</summary>
    public Instant Next(PeerClass peerClass)
    {
        var first = peerClass.JoinAt.Nanoseconds();
        var (count, last) = _classes.GetValueOrDefault(peerClass.Name, (0, first));
        var at = peerClass switch
        {
            // Whoever would come after the end of all time comes at it.
            { ArrivalsPerSecond: > 0 } => Math.Min(
                last + Chance.Exponential(prng, (long)Math.Min(VirtualTime.Second / peerClass.ArrivalsPerSecond, Chance.MaximumDuration)), Chance.MaximumDuration),
            { Count: > 1 } => first + (long)((Int128)peerClass.JoinWithin.Nanoseconds() * count / (peerClass.Count - 1)),
            _ => first,
        };
        _classes[peerClass.Name] = (count + 1, at);
        return new Instant(at);
    }
}
