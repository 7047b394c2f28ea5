using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// Tells subscribers what is published: first what there is, or what they missed, then what comes, each once and in order. A subscriber that
/// reads slowly holds up nobody: it reads from the feed when it is ready, and what the feed keeps no more from the catalogue. Thread-safe.
/// </summary>
internal sealed class CatalogueSubscribers(FileCatalogue catalogue, CatalogueOptions options) : IDisposable
{
    /// <summary>Patterns of one subscriber.</summary>
    public const int MaximumPatternCount = 100;

    /// <summary>How often one that has nothing to hear is told that all is well: proxies close what is silent for a minute.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private int _count;

    /// <summary>Subscribers there are now.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Takes the place of one subscriber, which <see cref="Dispose"/> gives back; false if there is none.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _count) <= options.MaximumSubscriberCount)
        {
            return true;
        }

        Interlocked.Decrement(ref _count);
        return false;
    }

    /// <summary>Gives the place of one subscriber back.</summary>
    public void Dispose() => Interlocked.Decrement(ref _count);

    /// <summary>The events for names that match one of the patterns (all, if there are none) and the scope, after the given change; from the beginning if null.</summary>
    public async IAsyncEnumerable<SseItem<CatalogueEvent>> ReadAsync(
        IReadOnlyList<NamePattern> patterns, NamePattern? scope, long? since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool Matches(string name) => (patterns.Count == 0 || patterns.Any(pattern => pattern.IsMatch(name))) && scope?.IsMatch(name) != false;

        var prefix = patterns.Count == 1 ? patterns[0].Prefix : "";
        since = since > catalogue.Feed.LastSequence ? null : since; // of another catalogue, which was here before
        var after = since ?? 0;
        var isFirst = true;
        var isReady = false;
        while (true)
        {
            var changes = new List<CatalogueChange>();
            var reached = catalogue.Feed.LastSequence;
            Task? more = null;
            if ((isFirst && since is null) || !catalogue.Feed.TryRead(after, changes, out more))
            {
                // What comes during the walk may be met or not: the feed has it, in order. At first only what is newest of each name counts.
                more = null;
                changes = catalogue.ChangesAfter(after, isFirst && since is null, Matches, prefix).FindAll(change => change.Sequence <= reached);
            }
            else
            {
                reached = changes.Count > 0 ? changes[^1].Sequence : after;
            }

            foreach (var change in changes.Where(change => Matches(change.Name)))
            {
                yield return ItemOf(change);
            }

            (after, isFirst) = (Math.Max(after, reached), false);
            if (more is null)
            {
                continue;
            }

            if (!isReady)
            {
                isReady = true;
                yield return new SseItem<CatalogueEvent>(new CatalogueEvent(), "ready") { EventId = Id(after) };
            }

            while (!await EndsWithinAsync(more, Silence, cancellationToken))
            {
                yield return new SseItem<CatalogueEvent>(new CatalogueEvent(), "alive") { EventId = Id(after) };
            }
        }
    }

    private static async Task<bool> EndsWithinAsync(Task task, TimeSpan time, CancellationToken cancellationToken)
    {
        try
        {
            await task.WaitAsync(time, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static SseItem<CatalogueEvent> ItemOf(CatalogueChange change) =>
        new(new CatalogueEvent(change.Published, change.Removed), change.Published is null ? "removed" : "published") { EventId = Id(change.Sequence) };

    private static string Id(long sequence) => sequence.ToString(CultureInfo.InvariantCulture);
}
