namespace Shoal.Mpi.Copying;

/// <summary>How far a rank is, to be shown.</summary>
public readonly record struct RankProgress(int Rank, string Node, double Fraction);

/// <summary>How far the copy is. Times in seconds.</summary>
/// <param name="Bytes">Bytes there, of all copies.</param>
/// <param name="TotalBytes">Bytes of all copies.</param>
/// <param name="CopyCount">Copies to be made.</param>
/// <param name="DoneCount">Copies that are whole.</param>
/// <param name="FailedCount">Copies that cannot be completed.</param>
/// <param name="Slowest">Who is farthest behind.</param>
/// <param name="Fastest">Who is farthest ahead.</param>
/// <param name="EtaSeconds">How long it will still take; null if nobody can tell.</param>
public sealed record CopyProgress(
    long Bytes, long TotalBytes, int CopyCount, int DoneCount, int FailedCount, RankProgress Slowest, RankProgress Fastest, double? EtaSeconds);

/// <summary>What the first rank knows of all: it sees when the copy is over.</summary>
/// <param name="participants">The ranks that get a copy.</param>
/// <param name="length">Bytes of a copy.</param>
/// <param name="nodes">The node of each rank.</param>
/// <param name="time">The clock.</param>
internal sealed class CopyBoard(IReadOnlyList<int> participants, long length, IReadOnlyList<string> nodes, TimeProvider time)
{
    /// <summary>A file system may be silent for minutes; longer, and whoever waits waits for ever.</summary>
    public static readonly TimeSpan StallTime = TimeSpan.FromMinutes(5);

    /// <summary>A node's memory may hold as much as its disk writes in half an hour; a flush that takes longer hangs.</summary>
    public static readonly TimeSpan FlushTime = TimeSpan.FromHours(1);

    private readonly Dictionary<int, RankNews> _news = participants.ToDictionary(rank => rank, _ => new RankNews(RankState.Copying, 0));
    private readonly long _beganAt = time.GetTimestamp();
    private long _changedAt = time.GetTimestamp();
    private long? _bytesAtStart;

    /// <summary>Whether nobody waits for anything any more.</summary>
    public bool IsOver => IsInterrupted || IsStalled || _news.Values.All(news => news.State is RankState.Done or RankState.Failed);

    /// <summary>Whether somebody wants it to end.</summary>
    public bool IsInterrupted { get; private set; }

    /// <summary>Whether nothing has moved anywhere for so long that nothing will.</summary>
    public bool IsStalled =>
        time.GetElapsedTime(_changedAt) is var silence && silence > StallTime
        && (silence > FlushTime || _news.Values.All(news => news.State != RankState.Finishing));

    public void Update(int rank, RankNews news)
    {
        _changedAt = time.GetTimestamp();
        IsInterrupted |= news.State == RankState.Interrupted;
        if (_news.ContainsKey(rank))
        {
            _news[rank] = news;
        }
    }

    public CopyProgress Progress()
    {
        var bytes = _news.Values.Sum(news => news.HaveBytes);
        var going = _news.Where(entry => entry.Value.State != RankState.Failed).DefaultIfEmpty(_news.First()).ToList();
        _bytesAtStart ??= bytes;
        var left = going.Sum(entry => length - entry.Value.HaveBytes);
        var moved = bytes - _bytesAtStart.Value;
        return new CopyProgress(
            bytes, length * _news.Count, _news.Count,
            _news.Values.Count(news => news.State == RankState.Done), _news.Values.Count(news => news.State == RankState.Failed),
            Of(going.MinBy(entry => entry.Value.HaveBytes)), Of(going.MaxBy(entry => entry.Value.HaveBytes)),
            left == 0 ? 0 : moved > 0 ? time.GetElapsedTime(_beganAt).TotalSeconds * left / moved : null);

        RankProgress Of(KeyValuePair<int, RankNews> entry) =>
            new(entry.Key, nodes[entry.Key], length == 0 ? 1 : (double)entry.Value.HaveBytes / length);
    }
}
