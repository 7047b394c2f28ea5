using Shoal.Engine.Trackers;

namespace Shoal.Tracker;

/// <summary>The room that the shards of one server share: exact limits over all of them. Thread-safe.</summary>
internal sealed class SharedCapacity(int maximumSwarmCount, int maximumPeerCount) : ITrackerCapacity
{
    private int _swarms;
    private int _peers;

    public bool IsFullOfPeers => Volatile.Read(ref _peers) >= maximumPeerCount;

    public bool TryTakeSwarm() => TryTake(ref _swarms, maximumSwarmCount);

    public bool TryTakePeer() => TryTake(ref _peers, maximumPeerCount);

    public void GiveSwarm() => Interlocked.Decrement(ref _swarms);

    public void GivePeers(int count)
    {
        if (count != 0)
        {
            Interlocked.Add(ref _peers, -count);
        }
    }

    private static bool TryTake(ref int count, int maximum)
    {
        if (Interlocked.Increment(ref count) <= maximum)
        {
            return true;
        }

        Interlocked.Decrement(ref count);
        return false;
    }
}
