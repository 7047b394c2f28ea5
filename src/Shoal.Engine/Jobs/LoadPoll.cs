namespace Shoal.Engine.Jobs;

/// <summary>
/// Collects the upload counts of all peers for those who want a swarm. Requests that come while a poll is under way wait
/// for the next one together, so each is answered with counts that are younger than itself, and polls never pile up.
/// </summary>
internal sealed class LoadPoll(int peerCount, Action<int, JobMessage> send)
{
    private readonly long[] _loads = new long[peerCount + 1]; // by rank
    private List<(int Rank, string File)> _served = [];
    private List<(int Rank, string File)> _waiting = [];
    private int _round;
    private int _missingCount;

    /// <summary>A peer wants a swarm; it is told once the counts have come.</summary>
    public void Ask(int rank, string file)
    {
        _waiting.Add((rank, file));
        if (_missingCount == 0)
        {
            Begin();
        }
    }

    /// <summary>A count came; when that was the last of the poll, everybody who waited for it is told.</summary>
    public void Loaded(int rank, JobMessage.Load load, Action<int, string, long[]> tell)
    {
        if (load.Round != _round || _missingCount == 0)
        {
            return;
        }

        _loads[rank] = load.UploadedCount;
        if (--_missingCount > 0)
        {
            return;
        }

        foreach (var (asker, file) in _served)
        {
            tell(asker, file, _loads);
        }

        if (_waiting.Count > 0)
        {
            Begin();
        }
    }

    private void Begin()
    {
        (_served, _waiting) = (_waiting, _served);
        _waiting.Clear();
        _round++;
        _missingCount = peerCount;
        for (var rank = 1; rank <= peerCount; rank++)
        {
            send(rank, new JobMessage.LoadRequest(_round));
        }
    }
}
