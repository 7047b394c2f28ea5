using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>
/// The blocks that a peer asked for and that are not yet handed to the driver, in the order asked. Bounded by
/// <see cref="Limit"/>, which the peer is told (reqq, BEP 10).
/// </summary>
internal sealed class UploadQueue
{
    /// <summary>Requests that a peer may have waiting.</summary>
    public const int Limit = 2048;

    private readonly Queue<BlockRequest> _waiting = new();
    private HashSet<BlockRequest>? _cancelled; // hardly anybody ever does

    /// <summary>Requests waiting.</summary>
    public int Count => _waiting.Count - (_cancelled?.Count ?? 0);

    /// <summary>Bytes handed to the driver and not yet sent.</summary>
    public long InFlightBytes { get; private set; }

    /// <summary>Blocks handed to the driver and not yet sent.</summary>
    public int InFlightCount { get; private set; }

    /// <summary>Whether nothing waits and nothing is on its way to the peer.</summary>
    public bool IsEmpty => Count == 0 && InFlightCount == 0;

    /// <summary>When the last block left or, before it, the first was handed over.</summary>
    public Instant LastProgressAt { get; private set; }

    /// <summary>Takes a request in; false if the peer has as many waiting as it may.</summary>
    public bool TryAdd(BlockRequest block)
    {
        if (_waiting.Count >= Limit)
        {
            return false;
        }

        _waiting.Enqueue(block);
        return true;
    }

    /// <summary>The peer does not want it any more. False if it was not waiting.</summary>
    public bool Cancel(BlockRequest block) => _waiting.Contains(block) && (_cancelled ??= []).Add(block);

    /// <summary>Looks at the next one to serve.</summary>
    public bool TryPeek(out BlockRequest block)
    {
        while (_waiting.TryPeek(out block) && _cancelled?.Remove(block) == true)
        {
            _waiting.Dequeue();
        }

        return _waiting.TryPeek(out block);
    }

    /// <summary>Takes out what was just looked at, to be counted as in flight.</summary>
    public void HandOver(Instant now)
    {
        LastProgressAt = InFlightCount == 0 ? now : LastProgressAt;
        InFlightBytes += _waiting.Dequeue().Length;
        InFlightCount++;
    }

    /// <summary>Takes out what was just looked at; it will not be served.</summary>
    public void Drop() => _waiting.Dequeue();

    /// <summary>The driver has sent so much, or given it up.</summary>
    public void Sent(Instant now, int count, long bytes)
    {
        LastProgressAt = now;
        InFlightBytes = Math.Max(0, InFlightBytes - bytes);
        InFlightCount = Math.Max(0, InFlightCount - count);
    }

    /// <summary>Takes out all that wait; each goes to <paramref name="rejected"/>.</summary>
    public void Clear(ICollection<BlockRequest> rejected)
    {
        while (TryPeek(out var block))
        {
            rejected.Add(block);
            _waiting.Dequeue();
        }

        _cancelled = null;
    }
}
