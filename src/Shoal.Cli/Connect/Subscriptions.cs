using System.Collections.Concurrent;
using Shoal.Catalogue;
using Shoal.Cli.Commands;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Connect;

/// <summary>
/// The subscriptions of a session. Each has a client of its own: what it fetches may be what the session has elsewhere, and a client has a
/// torrent in one place.
/// </summary>
internal sealed class Subscriptions(ConnectSession session)
{
    /// <summary>Subscriptions at a time; more are refused.</summary>
    public const int MaximumCount = 20;

    private readonly ConcurrentDictionary<Running, bool> _running = new();

    /// <summary>What is subscribed to, and where it goes.</summary>
    public IReadOnlyList<(string Pattern, string Folder)> All => [.. _running.Keys.Select(one => (one.Pattern, one.Folder)).OrderBy(one => one.Folder, StringComparer.Ordinal)];

    /// <summary>Subscribes; where the session waits, until all that there is now is in its place.</summary>
    public async Task SubscribeAsync(string pattern, string? folder, CancellationToken stop)
    {
        if (_running.Count >= MaximumCount)
        {
            throw new UserErrorException($"there are {MaximumCount} subscriptions already; 'shoal subscribe' takes several patterns", ExitCode.Failed);
        }

        var parsed = CatalogueArgument.ParsePattern(pattern);
        var to = ConnectSession.PathOf(folder ?? ".");
        var (context, at) = (session.Context, session.Context.Catalogue.Address.ToString());
        var all = new AllInPlace();
        var subscription = Subscription.Open(context.Catalogue, [parsed], to, new SubscriptionOptions
        {
            Torrents = context.Torrents,
            Tell = notice =>
            {
                context.Reporter.Report(SubscribeCommand.Describe(notice, at, to));
                all.Take(notice);
            },
        });
        var running = new Running(parsed.Text, to, subscription, await StartAsync(subscription));
        _running[running] = true;
        session.Jobs.Begin($"subscribe {pattern}", ending => RunAsync(running, all, ending));
        if (context.Waits)
        {
            await all.Task.WaitAsync(stop);
        }
    }

    /// <summary>What is being fetched just now.</summary>
    public async Task<IReadOnlyList<SubscriptionProgress>> GetProgressAsync()
    {
        List<SubscriptionProgress> progress = [];
        foreach (var running in _running.Keys)
        {
            progress.AddRange(await running.Subscription.GetProgressAsync());
        }

        return progress;
    }

    /// <summary>Waits until their clients are gone, once the session ends, and counts bytes received and sent.</summary>
    public async Task<(long Downloaded, long Uploaded)> EndAsync()
    {
        var counts = await Task.WhenAll(_running.Keys.Select(EndAsync));
        return (counts.Sum(count => count.Downloaded), counts.Sum(count => count.Uploaded));
    }

    private static async Task<(long Downloaded, long Uploaded)> EndAsync(Running running)
    {
        await running.Client.DisposeAsync();
        var count = await running.Subscription.CountAsync();
        running.Subscription.Dispose();
        return count;
    }

    private async Task<ShoalClient> StartAsync(Subscription subscription)
    {
        try
        {
            return await session.Context.StartClientAsync();
        }
        catch
        {
            subscription.Dispose();
            throw;
        }
    }

    private async Task RunAsync(Running running, AllInPlace all, CancellationToken ending)
    {
        try
        {
            await running.Subscription.RunAsync(running.Client, ending);
        }
        catch (ShoalException error)
        {
            // Who waits tells it; nobody else would.
            if (!all.TryFail(error) || !session.Context.Waits)
            {
                session.Context.Reporter.Report(new WarningEvent($"subscribe {running.Pattern}: {error.Message}"));
            }

            if (_running.TryRemove(running, out _))
            {
                await EndAsync(running);
            }
        }
    }

    private sealed record Running(string Pattern, string Folder, Subscription Subscription, ShoalClient Client);

    /// <summary>Ends when all that was there at the beginning is in its place.</summary>
    private sealed class AllInPlace
    {
        private readonly TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Lock _gate = new();
        private readonly HashSet<(string Name, int Version)> _awaited = [];
        private bool _isReady;

        public Task Task => _source.Task;

        public bool TryFail(ShoalException error) => _source.TrySetException(error);

        public void Take(SubscriptionNotice notice)
        {
            lock (_gate)
            {
                switch (notice)
                {
                    case SubscriptionNotice.Ready:
                        _isReady = true;
                        break;
                    case SubscriptionNotice.Found found when !_isReady:
                        _awaited.RemoveWhere(one => one.Name == found.Name);
                        _awaited.Add((found.Name, found.Version));
                        break;
                    case SubscriptionNotice.Found found:
                        // A newer version is fetched instead.
                        if (_awaited.RemoveWhere(one => one.Name == found.Name) > 0)
                        {
                            _awaited.Add((found.Name, found.Version));
                        }

                        break;
                    case SubscriptionNotice.Fetched fetched:
                        _awaited.Remove((fetched.Name, fetched.Version));
                        break;
                    case SubscriptionNotice.Removed removed:
                        _awaited.RemoveWhere(one => one.Name == removed.Name && (removed.Version is null || removed.Version == one.Version));
                        break;
                    default:
                        break;
                }

                if (_isReady && _awaited.Count == 0)
                {
                    _source.TrySetResult();
                }
            }
        }
    }
}
