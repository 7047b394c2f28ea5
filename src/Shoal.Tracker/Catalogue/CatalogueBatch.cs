using Shoal.Protocol;

namespace Shoal.Tracker.Catalogue;

/// <summary>Something that a catalogue is asked to change.</summary>
internal sealed class PendingChange(CatalogueChange draft, ReadOnlyMemory<byte> torrent = default)
{
    /// <summary>The change, without what is decided of it.</summary>
    public CatalogueChange Draft => draft;

    /// <summary>The .torrent file of a publication.</summary>
    public ReadOnlyMemory<byte> Torrent => torrent;

    public TaskCompletionSource<ChangeOutcome> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>
/// What became of an order: the change, or what there was already; why it failed, if it did, and with what if it is the store that failed.
/// </summary>
internal sealed record ChangeOutcome(CatalogueChange? Change, bool IsNew, string? Failure = null, Exception? Cause = null);

/// <summary>
/// Orders that are decided together, in their order: what is decided for one counts for those behind it, though nobody else sees it yet.
/// Not thread-safe.
/// </summary>
internal sealed class CatalogueBatch(IReadOnlyList<PendingChange> orders)
{
    private readonly ChangeOutcome?[] _outcomes = new ChangeOutcome?[orders.Count];
    private readonly List<CatalogueChange> _changes = [];
    private readonly HashSet<InfoHash> _gone = [];

    /// <summary>What is to be written, numbered.</summary>
    public IReadOnlyList<CatalogueChange> Changes => _changes;

    /// <summary>Torrents that may have lost their last name: of versions that are taken out, and of orders that failed.</summary>
    public HashSet<InfoHash> Gone => _gone;

    /// <summary>Hands the .torrent files to who writes them. One that cannot be written fails its own order only.</summary>
    public void PutTorrents(ICatalogueWriting writing)
    {
        for (var i = 0; i < orders.Count; i++)
        {
            if (orders[i].Draft.Published is { } published)
            {
                try
                {
                    writing.Put(published.InfoHash, orders[i].Torrent);
                }
                catch (CatalogueException error)
                {
                    Fail(i, error.Message, error);
                }
            }
        }
    }

    /// <summary>Decides all that did not fail yet.</summary>
    /// <param name="index">What there is.</param>
    /// <param name="sequence">The number of the last change.</param>
    /// <param name="time">Asked for the time of each change.</param>
    public void Decide(CatalogueIndex index, long sequence, TimeProvider time)
    {
        var pending = new Dictionary<string, NamedVersions?>(StringComparer.Ordinal);
        for (var i = 0; i < orders.Count; i++)
        {
            if (_outcomes[i] is not null)
            {
                continue;
            }

            var draft = orders[i].Draft;
            var old = pending.TryGetValue(draft.Name, out var decided) ? decided : index.Find(draft.Name);
            var outcome = Decide(draft, old, index, sequence + _changes.Count + 1, Now(time));
            _outcomes[i] = outcome;
            if (outcome.IsNew)
            {
                _changes.Add(outcome.Change!);
                if (outcome.Change!.Removed is { } removed)
                {
                    _gone.UnionWith(old!.Value.Versions.Where(entry => removed.Version is null || entry.Version == removed.Version).Select(entry => entry.InfoHash));
                }

                pending[draft.Name] = CatalogueIndex.After(old, outcome.Change!);
            }
            else if (outcome.Failure is not null)
            {
                Fail(i, outcome.Failure, null);
            }
        }
    }

    /// <summary>None of it came to pass, since the store failed.</summary>
    public void FailAll(string why, Exception cause)
    {
        _changes.Clear();
        _gone.Clear();
        for (var i = 0; i < orders.Count; i++)
        {
            Fail(i, why, cause);
        }
    }

    /// <summary>Tells who waits.</summary>
    public void Tell()
    {
        for (var i = 0; i < orders.Count; i++)
        {
            if (_outcomes[i]!.Failure is { } failure)
            {
                orders[i].Done.TrySetException(new CatalogueException(failure, _outcomes[i]!.Cause) { IsRefusal = _outcomes[i]!.Cause is null });
            }
            else
            {
                orders[i].Done.TrySetResult(_outcomes[i]!);
            }
        }
    }

    private static ChangeOutcome Decide(CatalogueChange draft, NamedVersions? old, CatalogueIndex index, long sequence, DateTimeOffset now)
    {
        if (draft.Published is { } entry)
        {
            return old?.Latest is { } latest && latest.InfoHash == entry.InfoHash ? new ChangeOutcome(new CatalogueChange(latest), IsNew: false)
                : index.LineCount >= CatalogueCore.MaximumLineCount ? Refused($"the catalogue is full: it has {CatalogueCore.MaximumLineCount} versions")
                : old?.Versions.Length >= CatalogueCore.MaximumVersionCount ? Refused($"'{entry.Name}' has {CatalogueCore.MaximumVersionCount} versions: remove some that nobody needs")
                : new ChangeOutcome(new CatalogueChange(entry with { Version = (old?.LastVersion ?? 0) + 1, PublishedAt = now, Sequence = sequence }), IsNew: true);
        }

        var removal = draft.Removed!;
        var isThere = removal.Version is { } version ? old?.Versions.Any(candidate => candidate.Version == version) == true : old?.Latest is not null;
        return isThere
            ? new ChangeOutcome(new CatalogueChange(Removed: removal with { LastVersion = old!.Value.LastVersion, At = now, Sequence = sequence }), IsNew: true)
            : new ChangeOutcome(null, IsNew: false);
    }

    private static ChangeOutcome Refused(string why) => new(null, IsNew: false, why);

    // In whole microseconds: a database keeps no more, and a change shall be the same wherever it is read.
    private static DateTimeOffset Now(TimeProvider time)
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    private void Fail(int order, string why, Exception? cause)
    {
        _outcomes[order] = new ChangeOutcome(null, IsNew: false, why, cause);
        if (orders[order].Draft.Published is { } published)
        {
            _gone.Add(published.InfoHash);
        }
    }
}
