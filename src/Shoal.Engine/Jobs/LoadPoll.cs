namespace Shoal.Engine.Jobs;

/// <summary>
/// Collects the upload counts of all peers for those who want a swarm. A few polls may be under way at once; requests
/// that come while there are so many wait for the next one together, so each is answered with counts that are younger
/// than itself, and polls never pile up.
/// </summary>
internal sealed class LoadPoll(int peerCount, Action<int, JobMessage> send)
{
    private const int MaximumCount = 4;

    private readonly Dictionary<int, Poll> _polls = []; // under way, by number
    private List<(int Rank, string File)> _waiting = [];
    private int _round;

    /// <summary>A peer wants a swarm; it is told once the counts have come.</summary>
    public void Ask(int rank, string file)
    {
        _waiting.Add((rank, file));
        BeginIfDue();
    }

    /// <summary>A count came; when that was the last of a poll, everybody who waited for it is told.</summary>
    public void Loaded(int rank, JobMessage.Load load, Action<int, string, long[]> tell)
    {
        if (!_polls.TryGetValue(load.Round, out var poll))
        {
            return;
        }

        poll.Loads[rank] = load.UploadedCount;
        if (--poll.MissingCount > 0)
        {
            return;
        }

        _polls.Remove(load.Round);
        foreach (var (asker, file) in poll.Askers)
        {
            tell(asker, file, poll.Loads);
        }

        BeginIfDue();
    }

    private void BeginIfDue()
    {
        if (_waiting.Count == 0 || _polls.Count >= MaximumCount)
        {
            return;
        }

        _polls.Add(++_round, new Poll(_waiting, new long[peerCount + 1]) { MissingCount = peerCount });
        _waiting = [];
        for (var rank = 1; rank <= peerCount; rank++)
        {
            send(rank, new JobMessage.LoadRequest(_round));
        }
    }

    /// <summary>One poll: for whom, and the counts by rank.</summary>
    private sealed class Poll(List<(int Rank, string File)> askers, long[] loads)
    {
        public List<(int Rank, string File)> Askers { get; } = askers;

        public long[] Loads { get; } = loads;

        public int MissingCount { get; set; }
    }
}
