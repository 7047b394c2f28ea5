using System.Text.Json;
using System.Text.Json.Serialization;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Catalogue;

/// <summary>How a version stands that a subscription knows. Belongs to its <see cref="SubscriptionBook"/>, under whose lock it changes.</summary>
internal sealed class SubscribedVersion
{
    public required int Version { get; init; }

    public required InfoHash InfoHash { get; init; }

    public long Size { get; init; }

    /// <summary>It is all there, and its name leads to it, or is about to: from now on it is not given up for a newer one.</summary>
    public bool IsLinked { get; set; }

    /// <summary>Nothing more is to be done about it.</summary>
    public bool IsComplete { get; set; }
}

/// <summary>A name and what is known of its versions, in the order in which they came.</summary>
internal sealed record SubscribedName(string Name, IReadOnlyList<SubscribedVersion> Versions);

/// <summary>How a subscription stands, as it is kept.</summary>
internal sealed record SubscriptionState(int Format, string At, IReadOnlyList<string> Patterns, long? LastId, IReadOnlyList<SubscribedName> Names);

/// <summary>How the state is written.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SubscriptionState))]
internal sealed partial class SubscriptionJson : JsonSerializerContext;

/// <summary>
/// What a subscription knows: the versions of each name, and how far the catalogue was heard. Both are kept in one file, which is replaced as a
/// whole: so no event counts as heard whose version is not written down. Thread-safe.
/// </summary>
internal sealed class SubscriptionBook
{
    /// <summary>The most names; others are refused.</summary>
    public const int MaximumNameCount = 100_000;

    private const int Format = 1;

    private readonly SubscriptionFolder _folder;
    private readonly string _at;
    private readonly IReadOnlyList<string> _patterns;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Dictionary<CatalogueName, List<SubscribedVersion>> _names = [];
    private long _changeCount;
    private long _writtenCount = -1;
    private long? _lastId;

    private SubscriptionBook(SubscriptionFolder folder, string at, IReadOnlyList<string> patterns)
    {
        _folder = folder;
        _at = at;
        _patterns = patterns;
    }

    /// <summary>Whether there was none before.</summary>
    public bool IsNew { get; private set; }

    /// <summary>How far the catalogue was heard.</summary>
    public long? LastId
    {
        get
        {
            lock (_gate)
            {
                return _lastId;
            }
        }
    }

    /// <summary>The names that are known.</summary>
    public IReadOnlyList<CatalogueName> Names
    {
        get
        {
            lock (_gate)
            {
                return [.. _names.Keys];
            }
        }
    }

    /// <summary>Reads what is kept. Of another catalogue, or with other patterns, all that there is must be heard again; what is known stays.</summary>
    /// <exception cref="ShoalException">It cannot be read.</exception>
    public static SubscriptionBook Open(SubscriptionFolder folder, string at, IReadOnlyList<string> patterns)
    {
        var book = new SubscriptionBook(folder, at, patterns);
        SubscriptionState? state;
        try
        {
            var bytes = folder.Read();
            book.IsNew = bytes is null;
            state = bytes is null ? null : JsonSerializer.Deserialize(bytes, SubscriptionJson.Default.SubscriptionState);
        }
        catch (JsonException error)
        {
            throw folder.Unreadable(error);
        }

        foreach (var known in state?.Names ?? [])
        {
            if (CatalogueName.TryParse(known.Name, out var name, out _) && SubscriptionFolder.WhatIsWrongWith(name) is null)
            {
                book._names[name] = [.. known.Versions];
            }
        }

        book._lastId = state is not null && state.Format == Format && state.At == at && state.Patterns.SequenceEqual(patterns) ? state.LastId : null;
        return book;
    }

    /// <summary>Notes how far the catalogue was heard.</summary>
    public void Heard(long? id)
    {
        lock (_gate)
        {
            _changeCount += id == _lastId ? 0 : 1;
            _lastId = id;
        }
    }

    /// <summary>
    /// Notes a version as one to be fetched. Older ones that are not in place yet are given up for it: those are returned. Null if it is known
    /// already, or there are too many names.
    /// </summary>
    public IReadOnlyList<SubscribedVersion>? Add(CatalogueName name, CatalogueEntry entry)
    {
        lock (_gate)
        {
            if (!_names.TryGetValue(name, out var versions))
            {
                if (_names.Count >= MaximumNameCount)
                {
                    return null;
                }

                versions = _names[name] = [];
            }

            if (versions.Exists(known => known.Version == entry.Version && known.InfoHash == entry.InfoHash))
            {
                return null;
            }

            var dropped = Drop(versions, static _ => true);
            versions.Add(new SubscribedVersion { Version = entry.Version, InfoHash = entry.InfoHash, Size = entry.Size });
            _changeCount++;
            return dropped;
        }
    }

    /// <summary>Gives up a version, or all if it is null, unless it is in place. Returns those that it gave up.</summary>
    public IReadOnlyList<SubscribedVersion> Drop(CatalogueName name, int? version)
    {
        lock (_gate)
        {
            return _names.TryGetValue(name, out var versions) ? Drop(versions, one => version is null || one.Version == version) : [];
        }
    }

    /// <summary>Whether the version was not given up.</summary>
    public bool Has(CatalogueName name, SubscribedVersion version)
    {
        lock (_gate)
        {
            return _names.TryGetValue(name, out var versions) && versions.Contains(version);
        }
    }

    /// <summary>The oldest version that is not complete; null if there is none.</summary>
    public SubscribedVersion? Pending(CatalogueName name)
    {
        lock (_gate)
        {
            return _names.TryGetValue(name, out var versions) ? versions.Find(version => !version.IsComplete) : null;
        }
    }

    /// <summary>The versions that are all there, newest first.</summary>
    public IReadOnlyList<SubscribedVersion> InPlace(CatalogueName name)
    {
        lock (_gate)
        {
            return _names.TryGetValue(name, out var versions) ? [.. versions.Where(version => version.IsLinked || version.IsComplete).Reverse()] : [];
        }
    }

    /// <summary>Whether a version of a name is this torrent.</summary>
    public bool Needs(InfoHash infoHash)
    {
        lock (_gate)
        {
            return _names.Values.Any(versions => versions.Exists(version => version.InfoHash == infoHash));
        }
    }

    /// <summary>Notes that the name is about to lead to the version; false if it was given up.</summary>
    public bool TrySetLinked(CatalogueName name, SubscribedVersion version)
    {
        lock (_gate)
        {
            _changeCount++;
            version.IsLinked = Has(name, version);
            return version.IsLinked;
        }
    }

    /// <summary>Notes that all is done about the version. Returns those that are older than the newest <paramref name="keep"/>: they are forgotten.</summary>
    public IReadOnlyList<SubscribedVersion> SetComplete(CatalogueName name, SubscribedVersion version, int keep)
    {
        lock (_gate)
        {
            version.IsComplete = true;
            var versions = _names[name];
            var old = versions.Where(one => one.IsComplete).SkipLast(keep).ToList();
            versions.RemoveAll(old.Contains);
            _changeCount++;
            return old;
        }
    }

    /// <summary>Notes that the torrent is not there any more: the newest version of a name is fetched again, older ones are forgotten. Returns the names.</summary>
    public IReadOnlyList<CatalogueName> SetLost(InfoHash infoHash)
    {
        lock (_gate)
        {
            List<CatalogueName> names = [];
            foreach (var (name, versions) in _names)
            {
                if (!versions.Exists(version => version.InfoHash == infoHash))
                {
                    continue;
                }

                var newest = versions[^1];
                versions.RemoveAll(version => version.InfoHash == infoHash && version != newest);
                if (newest.InfoHash == infoHash)
                {
                    (newest.IsLinked, newest.IsComplete) = (false, false);
                }

                names.Add(name);
            }

            _changeCount++;
            return names;
        }
    }

    /// <summary>Writes down what changed until now, durably. Who comes while another writes is served together with others.</summary>
    /// <exception cref="Runtime.Storage.StorageException">The disk fails.</exception>
    public async Task SaveAsync()
    {
        var wanted = Interlocked.Read(ref _changeCount);
        await _writing.WaitAsync();
        try
        {
            if (_writtenCount < wanted)
            {
                await Task.Run(Write);
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    private void Write()
    {
        byte[] bytes;
        long count;
        lock (_gate)
        {
            count = _changeCount;
            bytes = JsonSerializer.SerializeToUtf8Bytes(
                new SubscriptionState(Format, _at, _patterns, _lastId, [.. _names.Where(entry => entry.Value.Count > 0).Select(entry => new SubscribedName(entry.Key.Value, entry.Value))]),
                SubscriptionJson.Default.SubscriptionState);
        }

        _folder.Write(bytes);
        _writtenCount = count;
    }

    private List<SubscribedVersion> Drop(List<SubscribedVersion> versions, Predicate<SubscribedVersion> which)
    {
        var dropped = versions.FindAll(version => !version.IsLinked && !version.IsComplete && which(version));
        versions.RemoveAll(dropped.Contains);
        _changeCount += dropped.Count;
        return dropped;
    }
}
