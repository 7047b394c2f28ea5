using Shoal.Engine;
using Shoal.Simulation.Network;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Results;

/// <summary>
/// The time before which no scheme whatever can have the content at every leecher: what R. Kumar and K. Ross ("Peer-assisted file
/// distribution: the minimum distribution time", 2006) give for one file F and N leechers that are there from the beginning,
/// T ≥ max(F/u_s, F/min d, N·F/(u_s + Σu_i)), said for any time of arrival, and with zones' and racks' links as further cuts. Peers
/// count with their uplinks from their joining to the end, though they may have nothing yet or leave: that can only make the bound
/// lower, and it stays one. Rates are those of payload, and who receives owes acknowledgements (<see cref="WireCosts"/>): no scheme
/// can do without headers.
/// </summary>
/// <param name="Seconds">Since the begin of the run.</param>
/// <param name="DurationSeconds">Since the first leecher's joining.</param>
/// <param name="Reason">What binds: "all uplinks together".</param>
public sealed record LowerBound(double Seconds, double DurationSeconds, string Reason)
{
    /// <summary>How many times wider than its uplink a downlink may be for acknowledgements to be counted.</summary>
    private const double MaximumAckedWidth = 40;

    /// <summary>The bound for those leechers of a run that are expected to complete; null if there are none, or no seeder came.</summary>
    public static LowerBound? Of(Scenario scenario, SimulationResult result)
    {
        var crowd = new Crowd(scenario, result);
        if (crowd.Wanting.Count == 0 || crowd.Seeders.Count == 0)
        {
            return null;
        }

        var (seconds, reason) = Bounds(crowd, scenario.ContentLength).MaxBy(bound => bound.Seconds);
        return new LowerBound(Math.Round(seconds, 6), Math.Round(seconds - crowd.Wanting[0].JoinedSeconds, 6), reason);
    }

    private static IEnumerable<(double Seconds, string Reason)> Bounds(Crowd crowd, double length)
    {
        yield return (crowd.Wanting.Max(peer => peer.JoinedSeconds + (length / PayloadOf(peer.Class.DownBytesPerSecond))), "slowest downlink");
        // Each byte leaves a seeder once at least, and not before somebody is there to take it.
        var supply = new Supply(crowd.Seeders);
        yield return (supply.TimeOf(supply.BytesBy(crowd.Leechers[0].JoinedSeconds) + length), "seeders' uplinks");
        yield return (AllUplinks(crowd, length), "all uplinks together");
        foreach (var cut in Cuts(crowd, length))
        {
            yield return cut;
        }
    }

    // Those who join at a time or later get all of theirs after it, from what is sent after it: so for every joining, N·F.
    private static double AllUplinks(Crowd crowd, double length)
    {
        var supply = new Supply(crowd.Uploaders);
        var needed = 0.0;
        var sent = 0.0; // to those who join at a time or later, with what they send back
        for (var i = crowd.Wanting.Count - 1; i >= 0; i--)
        {
            sent += length * (1 + AckShare(crowd.Wanting[i].Class));
            needed = Math.Max(needed, supply.BytesBy(crowd.Wanting[i].JoinedSeconds) + sent);
        }

        return supply.TimeOf(needed);
    }

    private static double PayloadOf(double lineBytesPerSecond) => lineBytesPerSecond * WireCosts.PayloadShare;

    // What acknowledgements take of an uplink. Where the downlink is very much wider they may come to more than the uplink can carry, and a
    // real receiver sends fewer: there they are left out.
    private static double AckShare(PeerClass one) =>
        one.DownBytesPerSecond <= MaximumAckedWidth * (double)one.UpBytesPerSecond ? WireCosts.AckShare : 0;

    // What nobody within has crosses the link into it once at least; so does what nobody outside has the link out.
    private static IEnumerable<(double Seconds, string Reason)> Cuts(Crowd crowd, double length)
    {
        foreach (var zone in crowd.Scenario.Zones)
        {
            var within = crowd.Leechers.Where(peer => peer.Class.Zone == zone.Name).ToList();
            if (within.Exists(peer => peer.IsWanting) && crowd.Seeders.All(peer => peer.Class.Zone != zone.Name))
            {
                yield return (within[0].JoinedSeconds + (length / PayloadOf(zone.DownBytesPerSecond)), $"link into zone {zone.Name}");
            }

            var outside = crowd.Leechers.Where(peer => peer.Class.Zone != zone.Name).ToList();
            if (outside.Exists(peer => peer.IsWanting) && crowd.Seeders.All(peer => peer.Class.Zone == zone.Name))
            {
                yield return (outside[0].JoinedSeconds + (length / PayloadOf(zone.UpBytesPerSecond)), $"link out of zone {zone.Name}");
            }
        }

        foreach (var rack in crowd.Leechers.Where(peer => peer.Class.RackSize > 0).GroupBy(peer => (peer.Class.Name, Rack: peer.IndexInClass / peer.Class.RackSize)))
        {
            if (rack.Any(peer => peer.IsWanting))
            {
                yield return (rack.First().JoinedSeconds + (length / PayloadOf(rack.First().Class.RackBytesPerSecond)), $"link of a rack of {rack.Key.Name}");
            }
        }
    }

    /// <summary>A peer that joined.</summary>
    private sealed record Member(PeerClass Class, int IndexInClass, double JoinedSeconds, bool IsWanting);

    /// <summary>Those who joined, each list in order of joining.</summary>
    private sealed class Crowd
    {
        public Crowd(Scenario scenario, SimulationResult result)
        {
            Scenario = scenario;
            var classes = scenario.Classes.ToDictionary(one => one.Name, StringComparer.Ordinal);
            var counts = new Dictionary<string, int>(StringComparer.Ordinal);
            var members = new List<Member>(result.Peers.Count);
            foreach (var peer in result.Peers)
            {
                var index = counts.GetValueOrDefault(peer.Class);
                counts[peer.Class] = index + 1;
                if (peer.JoinedAt != Instant.Never)
                {
                    members.Add(new Member(classes[peer.Class], index, peer.JoinedAt.Nanoseconds / 1e9, peer.IsExpected));
                }
            }

            members.Sort((a, b) => a.JoinedSeconds.CompareTo(b.JoinedSeconds));
            Seeders = members.FindAll(peer => peer.Class.IsSeeder);
            Leechers = members.FindAll(peer => !peer.Class.IsSeeder);
            Wanting = Leechers.FindAll(peer => peer.IsWanting);
            Uploaders = members.FindAll(peer => peer.Class.Behavior is not (Behavior.FreeRider or Behavior.Liar));
        }

        public Scenario Scenario { get; }

        public List<Member> Seeders { get; }

        public List<Member> Leechers { get; }

        public List<Member> Wanting { get; }

        public List<Member> Uploaders { get; }
    }

    /// <summary>What a growing group of peers can have sent by a time, in bytes: straight pieces, steeper with everyone who joins.</summary>
    private sealed class Supply
    {
        private readonly List<(double Seconds, double Bytes, double Rate)> _bends = [];

        public Supply(List<Member> members)
        {
            var (seconds, bytes, rate) = (0.0, 0.0, 0.0);
            foreach (var peer in members)
            {
                bytes += rate * (peer.JoinedSeconds - seconds);
                seconds = peer.JoinedSeconds;
                rate += PayloadOf(peer.Class.UpBytesPerSecond);
                _bends.Add((seconds, bytes, rate));
            }
        }

        public double BytesBy(double seconds)
        {
            var bend = _bends[Last(at => at.Seconds <= seconds)];
            return bend.Bytes + (bend.Rate * Math.Max(0, seconds - bend.Seconds));
        }

        public double TimeOf(double bytes)
        {
            var bend = _bends[Last(at => at.Bytes <= bytes)];
            return bend.Seconds + ((bytes - bend.Bytes) / bend.Rate);
        }

        // The last bend for which it holds; the first if it holds for none (nothing was sent before it).
        private int Last(Func<(double Seconds, double Bytes, double Rate), bool> holds)
        {
            var (low, high) = (0, _bends.Count - 1);
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                (low, high) = holds(_bends[middle]) ? (middle, high) : (low, middle - 1);
            }

            return low;
        }
    }
}
