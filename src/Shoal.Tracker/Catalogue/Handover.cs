using System.Collections.Concurrent;

namespace Shoal.Tracker.Catalogue;

/// <summary>What one thread makes, another one takes in, in order: many at a time, for a lock for each would cost more than most of them.</summary>
internal static class Handover
{
    private const int BatchLength = 1024;
    private const int MaximumBatches = 16;

    /// <summary>
    /// Has <paramref name="produce"/> hand over items on this thread while another one has <paramref name="consume"/> take them; returns when all are taken.
    /// </summary>
    /// <returns>What <paramref name="produce"/> returns; what either throws is thrown here.</returns>
    public static TResult Run<T, TResult>(Func<Action<T>, TResult> produce, Action<T> consume)
    {
        using var batches = new BlockingCollection<List<T>>(MaximumBatches);
        using var failed = new CancellationTokenSource();
        var consuming = Task.Factory.StartNew(() => Consume(batches, consume, failed), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            var batch = new List<T>(BatchLength);
            var result = produce(item =>
            {
                batch.Add(item);
                if (batch.Count == BatchLength)
                {
                    batches.Add(batch, failed.Token);
                    batch = new List<T>(BatchLength);
                }
            });
            batches.Add(batch, failed.Token);
            return result;
        }
        finally
        {
            // If that is what failed, it throws here, rather than that it could be waited for no longer.
            batches.CompleteAdding();
            consuming.GetAwaiter().GetResult();
        }
    }

    private static void Consume<T>(BlockingCollection<List<T>> batches, Action<T> consume, CancellationTokenSource failed)
    {
        try
        {
            foreach (var batch in batches.GetConsumingEnumerable())
            {
                batch.ForEach(consume);
            }
        }
        catch
        {
            failed.Cancel();
            throw;
        }
    }
}
