using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Metrics;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// Tells subscribers what is published: first what there is, or what they missed, then what comes, each once and in order. A subscriber that
/// reads slowly holds up nobody: it reads from the feed when it is ready, and what the feed keeps no more from the catalogue. Thread-safe.
/// </summary>
internal sealed class CatalogueSubscribers(CatalogueCore catalogue, CatalogueOptions options, CatalogueTraffic traffic)
{
    /// <summary>Patterns of one subscriber.</summary>
    public const int MaximumPatternCount = 100;

    /// <summary>Characters of all patterns of one subscriber: what is held to match one grows with their square.</summary>
    public const int MaximumPatternLength = 2048;

    /// <summary>Changes that are looked at, and held in memory, at a time.</summary>
    private const int SliceLength = 512;

    /// <summary>How often one that has nothing to hear is told that all is well: proxies close what is silent for a minute.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private readonly Dictionary<ulong, int> _countByClient = [];

    /// <summary>Subscribers there are now.</summary>
    public int Count { get; private set; }

    // Of a strange address: else one could take all places.
    private int MaximumCountOfOne => Math.Max(1, options.MaximumSubscriberCount / 10);

    /// <summary>Takes the place of one subscriber, until what is returned is disposed; null, and why, if there is none.</summary>
    public IDisposable? TryEnter(PeerAddress client, out string refusal)
    {
        // Key 0 is nobody's: this machine's are not counted.
        var key = client.Kind != PeerAddressKind.None && client.IsLoopback ? 0 : ClientKey.Of(client);
        lock (_countByClient)
        {
            var count = _countByClient.GetValueOrDefault(key);
            refusal = Count >= options.MaximumSubscriberCount ? "there are as many subscribers as this tracker allows; come again later"
                : key != 0 && count >= MaximumCountOfOne ? "there are as many subscribers from your address as this tracker allows; come again later"
                : "";
            if (refusal.Length > 0)
            {
                return null;
            }

            Count++;
            _countByClient[key] = count + 1;
            return new Place(this, key);
        }
    }

    /// <summary>
    /// The events for names that match one of the patterns (all, if there are none) and the scope, after the given change; the newest of each name
    /// and what follows if null. Ends when <paramref name="mayGoOn"/> says so.
    /// </summary>
    public async IAsyncEnumerable<SseItem<CatalogueEvent>> ReadAsync(
        IReadOnlyList<NamePattern> patterns, NamePattern? scope, long? since, Func<bool> mayGoOn, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // What is older than this is told only where it is the newest of its name. A number that stays higher is of another catalogue, which was here before.
        var now = since > catalogue.Feed.LastSequence ? await catalogue.ReachAsync(since.Value, cancellationToken) : catalogue.Feed.LastSequence;
        var start = since is null || since > now ? now : 0;
        var after = start > 0 || since is null ? 0 : since.Value;
        var isReady = false;
        var changes = new List<CatalogueChange>(SliceLength);
        while (mayGoOn())
        {
            changes.Clear();
            Task? more = null;
            if (after < start || !catalogue.Feed.TryRead(after, SliceLength, changes, out more))
            {
                // What comes meanwhile is met or not: if not, it has a higher number, and the feed has it.
                var reached = catalogue.Feed.LastSequence;
                catalogue.CopyAfter(after, SliceLength, changes);
                (after, more) = (changes.Count == SliceLength ? after : Math.Max(after, reached), null);
            }

            foreach (var change in changes)
            {
                if (Matches(change.Name) && (change.Sequence > start || IsNewest(change)))
                {
                    traffic.CountEvent(change.Published is not null);
                    yield return ItemOf(change);
                }

                after = Math.Max(after, change.Sequence);
            }

            if (more is null || changes.Count == SliceLength)
            {
                await Task.Yield(); // who has much to hear shall not keep others waiting
                continue;
            }

            if (!isReady)
            {
                isReady = true;
                yield return new SseItem<CatalogueEvent>(new CatalogueEvent(), "ready") { EventId = Id(after) };
            }

            while (!await EndsWithinAsync(more, Silence, cancellationToken) && mayGoOn())
            {
                yield return new SseItem<CatalogueEvent>(new CatalogueEvent(), "alive") { EventId = Id(after) };
            }
        }

        bool Matches(string name) => (patterns.Count == 0 || patterns.Any(pattern => pattern.IsMatch(name))) && scope?.IsMatch(name) != false;
    }

    private bool IsNewest(CatalogueChange change) => change.Published is { } published && catalogue.IsNewest(published);

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

    private void Leave(ulong key)
    {
        lock (_countByClient)
        {
            Count--;
            if (--CollectionsMarshal.GetValueRefOrNullRef(_countByClient, key) == 0)
            {
                _countByClient.Remove(key);
            }
        }
    }

    private sealed class Place(CatalogueSubscribers all, ulong key) : IDisposable
    {
        private int _isLeft;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
            {
                all.Leave(key);
            }
        }
    }
}
