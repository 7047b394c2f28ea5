using Shoal.Protocol;

namespace Shoal.Engine.Dht;

/// <summary>
/// Where others see us (BEP 42): what the latest 16 neighbourhoods said that answered queries of ours, of each its latest word. More than half
/// of them, and at least five, make an address.
/// </summary>
internal sealed class AddressVotes
{
    private const int MaximumVoteCount = 16;
    private const int LeastMajority = 5;

    private readonly List<(PeerAddress Voter, PeerAddress Seen)> _votes = [];

    /// <summary>What the majority says; default if there is none. The port is 0.</summary>
    public PeerAddress Winner { get; private set; }

    /// <summary>Counts a vote; true if that changed <see cref="Winner"/>.</summary>
    public bool Count(PeerAddress voter, PeerAddress seen)
    {
        if (seen.Kind != voter.Kind)
        {
            return false;
        }

        voter = DhtHosts.NeighbourhoodOf(voter);
        seen = seen.WithPort(0);
        var at = _votes.FindIndex(vote => vote.Voter == voter);
        if (at >= 0)
        {
            _votes.RemoveAt(at);
        }
        else if (_votes.Count == MaximumVoteCount)
        {
            _votes.RemoveAt(0);
        }

        _votes.Add((voter, seen));
        var same = _votes.Count(vote => vote.Seen == seen);
        if (seen == Winner || same < LeastMajority || 2 * same <= _votes.Count)
        {
            return false;
        }

        Winner = seen;
        return true;
    }
}
