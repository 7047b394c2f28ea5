using Shoal.Engine.Trackers;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Engine.Jobs;

/// <summary>
/// What a job's tracker knows of its files: what each is, and which ranks have it or fetch it, kept by a
/// <see cref="TrackerCore"/> in which nobody expires.
/// </summary>
internal sealed class JobFiles(int peerCount, Prng prng)
{
    private readonly Dictionary<string, Entry> _files = new(StringComparer.Ordinal);
    private readonly byte[] _peers = new byte[TrackerCore.BufferLength(peerCount)];
    private readonly TrackerCore _core = new(
        new TrackerPolicy { MaximumPeerCount = peerCount }, new TrackerCapacity(int.MaxValue, int.MaxValue), prng);

    /// <summary>A rank owns the file. A text says what speaks against it: another owner has it otherwise.</summary>
    public string? Add(int rank, JobFile file)
    {
        if (!_files.TryGetValue(file.Name, out var entry))
        {
            _files.Add(file.Name, entry = new Entry(file, rank));
        }
        else if (!entry.File.Equals(file))
        {
            return $"ranks {entry.FirstOwner} and {rank} both own '{file.Name}', but {Difference(entry.File, file)}";
        }

        Announce(rank, entry, AnnounceEvent.Completed, wantedCount: 0);
        return null;
    }

    public JobFile? Find(string name) => _files.GetValueOrDefault(name)?.File;

    /// <summary>The rank is one of those who have or fetch the file; the others are returned by lot.</summary>
    public List<int> Join(int rank, string name)
    {
        var count = Announce(rank, _files[name], AnnounceEvent.Started, peerCount);
        List<int> ranks = [];
        for (var i = 0; i < count; i++)
        {
            ranks.Add(System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(_peers.AsSpan(i * PeerAddress.CompactLengthIPv4)));
        }

        prng.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ranks));
        return ranks;
    }

    public void Complete(int rank, string name) => Announce(rank, _files[name], AnnounceEvent.Completed, wantedCount: 0);

    public void Leave(int rank, string name) => Announce(rank, _files[name], AnnounceEvent.Stopped, wantedCount: 0);

    /// <summary>Whether anybody has all of the file.</summary>
    public bool HasSeeder(string name) => _core.Scrape(Instant.Zero, _files[name].InfoHash).SeederCount > 0;

    private int Announce(int rank, Entry entry, AnnounceEvent happening, int wantedCount)
    {
        var request = new AnnounceRequest(
            entry.InfoHash, default, Port: 0, PeerAddress.FromRank(rank),
            Left: happening == AnnounceEvent.Completed ? 0 : 1, Event: happening, WantedPeerCount: wantedCount);
        return _core.Handle(Instant.Zero, request, _peers).PeerCount;
    }

    private static string Difference(JobFile left, JobFile right)
    {
        if (left.SegmentCount != right.SegmentCount)
        {
            return $"with {left.SegmentCount} and {right.SegmentCount} segments";
        }

        for (var i = 0; i < left.SegmentCount; i++)
        {
            var range = new Range(i * PieceHash.Sha1Length, (i + 1) * PieceHash.Sha1Length);
            if (!left.Hashes.Span[range].SequenceEqual(right.Hashes.Span[range]))
            {
                return $"with different hashes of segment {i + 1}";
            }
        }

        return $"with different lengths: {left.Length} bytes in segments of {left.SegmentLength}, and {right.Length} in segments of {right.SegmentLength}";
    }

    private sealed class Entry(JobFile file, int firstOwner)
    {
        public JobFile File { get; } = file;

        public int FirstOwner { get; } = firstOwner;

        public InfoHash InfoHash { get; } = file.InfoHash();
    }
}
