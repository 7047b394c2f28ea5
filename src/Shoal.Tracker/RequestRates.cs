using System.Buffers.Binary;
using System.Security.Cryptography;
using Shoal.Protocol;

namespace Shoal.Tracker;

/// <summary>
/// How many requests each address may still send: a bucket of tokens for each <see cref="ClientKey"/>. Bounded: an
/// address has its place among a few of a table of fixed size, and takes that of whoever there was silent for longest. Thread-safe.
/// </summary>
/// <param name="requestsPerSecond">What flows into a bucket.</param>
/// <param name="time">The clock.</param>
internal sealed class RequestRates(int requestsPerSecond, TimeProvider time)
{
    /// <summary>Seconds of flow that a bucket holds: who was silent may send as much at once.</summary>
    public const int BurstSeconds = 5;

    private const int SetCount = 16384;
    private const int WaysPerSet = 4; // 1.5 MiB in all

    private readonly Bucket[] _buckets = new Bucket[SetCount * WaysPerSet];
    private readonly ulong _salt = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));
    private readonly Lock _gate = new();

    /// <summary>Takes a token of the address; false if it has none left. Then it has one again after a second at most.</summary>
    public bool TryTake(PeerAddress client)
    {
        var key = ClientKey.Of(client);
        var now = time.GetTimestamp();
        lock (_gate)
        {
            ref var bucket = ref Find(key);
            if (bucket.Key != key)
            {
                bucket = new Bucket { Key = key, Tokens = (double)requestsPerSecond * BurstSeconds };
            }
            else
            {
                var flow = time.GetElapsedTime(bucket.Time, now).TotalSeconds * requestsPerSecond;
                bucket.Tokens = Math.Min((double)requestsPerSecond * BurstSeconds, bucket.Tokens + flow);
            }

            bucket.Time = now;
            if (bucket.Tokens < 1)
            {
                return false;
            }

            bucket.Tokens--;
            return true;
        }
    }

    // Its own bucket, or the one to take.
    private ref Bucket Find(ulong key)
    {
        var start = (int)(Mix(key ^ _salt) % SetCount) * WaysPerSet;
        var oldest = start;
        for (var i = start; i < start + WaysPerSet; i++)
        {
            if (_buckets[i].Key == key)
            {
                return ref _buckets[i];
            }

            oldest = _buckets[i].Time < _buckets[oldest].Time ? i : oldest;
        }

        return ref _buckets[oldest];
    }

    // So that nobody can choose addresses that share a set with a victim's.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 33)) * 0xff51afd7ed558ccd;
        value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53;
        return value ^ (value >> 33);
    }

    private struct Bucket
    {
        public ulong Key;
        public long Time;
        public double Tokens;
    }
}
