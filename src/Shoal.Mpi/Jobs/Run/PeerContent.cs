using System.Security.Cryptography;
using Shoal.Engine.Jobs;
using Shoal.Mpi.Jobs.Files;
using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>Where a peer's segments are, and how what it wants becomes a result: hash texts in memory, or real files.</summary>
internal interface IPeerContent : IDisposable
{
    /// <summary>Opens what the rank owns.</summary>
    /// <exception cref="JobException">It is not there, or not what the input says.</exception>
    IReadOnlyList<JobFile> OpenOwned(CancellationToken stop);

    /// <summary>The segments of a file that is owned.</summary>
    IPieceStore StoreOf(string name);

    /// <summary>A place for a file that is wanted, and what of it is there already. May take long; on any thread.</summary>
    (IPieceStore Store, Bitfield Have) OpenWanted(JobFile file);

    /// <summary>
    /// The file is complete and becomes a result. May take long; on any thread.
    /// </summary>
    /// <returns>The store to serve it from, from now on.</returns>
    IPieceStore Finish(JobFile file, IPieceStore store);
}

/// <summary>Segments that are nothing but their hash text; the result is a file with these, one per line.</summary>
internal sealed class TextContent(JobInput input, int rank, string output) : IPeerContent
{
    private readonly Dictionary<string, SegmentStore> _owned = new(StringComparer.Ordinal);

    public IReadOnlyList<JobFile> OpenOwned(CancellationToken stop)
    {
        foreach (var file in input.Owned)
        {
            _owned.Add(file.Name, new SegmentStore(file.Hashes!));
        }

        return [.. input.Owned.Select(file => Describe(file.Name, file.Hashes!))];
    }

    public IPieceStore StoreOf(string name) => _owned[name];

    public (IPieceStore Store, Bitfield Have) OpenWanted(JobFile file) =>
        (new SegmentStore(file.SegmentLength, checked((int)file.Length)), new Bitfield(file.SegmentCount));

    public IPieceStore Finish(JobFile file, IPieceStore store)
    {
        SegmentOutput.Write(SegmentOutput.PathOf(output, rank, file.Name), ((SegmentStore)store).Records, file.SegmentLength);
        return store;
    }

    public void Dispose()
    {
        // All of it is memory.
    }

    // The content of a segment is its hash as text; what a peer verifies it by is the SHA-1 of that.
    private static JobFile Describe(string name, SegmentHashes hashes)
    {
        var sums = new byte[hashes.Count * PieceHash.Sha1Length];
        for (var i = 0; i < hashes.Count; i++)
        {
            SHA1.HashData(hashes.RecordAt(i), sums.AsSpan(i * PieceHash.Sha1Length));
        }

        return new JobFile(name, hashes.Records.Length, Math.Max(1, hashes.Width), sums);
    }
}

/// <summary>Real files; the result is the file.</summary>
internal sealed class DataContent(JobInput input, DataFolder folder) : IPeerContent
{
    private readonly Dictionary<string, PieceStore> _owned = new(StringComparer.Ordinal);
    private readonly List<PieceStore> _stores = [];

    public IReadOnlyList<JobFile> OpenOwned(CancellationToken stop)
    {
        var files = new List<JobFile>();
        foreach (var file in input.Owned)
        {
            var (store, sums) = folder.OpenOwned(input, file, stop);
            _owned.Add(file.Name, store);
            Keep(store);
            files.Add(new JobFile(file.Name, store.Layout.TotalLength, store.Layout.PieceLength, sums));
        }

        return files;
    }

    public IPieceStore StoreOf(string name) => _owned[name];

    public (IPieceStore Store, Bitfield Have) OpenWanted(JobFile file)
    {
        var (store, have) = folder.OpenWanted(file.Name, file.Layout, file.Hashes);
        Keep(store);
        return (store, have);
    }

    public IPieceStore Finish(JobFile file, IPieceStore store)
    {
        var finished = folder.Finish(file.Name, (PieceStore)store);
        Keep(finished);
        return finished;
    }

    public void Dispose()
    {
        foreach (var store in _stores)
        {
            store.Dispose();
        }
    }

    // A store that was replaced may still be read for somebody, so all live to the end.
    private void Keep(PieceStore store)
    {
        lock (_stores)
        {
            if (!_stores.Contains(store))
            {
                _stores.Add(store);
            }
        }
    }
}
