namespace Shoal.Tracker.Catalogue;

/// <summary>Whether the last change that somebody wanted reached the disk. Thread-safe.</summary>
internal sealed class CatalogueHealth
{
    private bool _isIll;
    private long _failureCount;

    /// <summary>Whether the last change was kept.</summary>
    public bool IsWell => !Volatile.Read(ref _isIll);

    /// <summary>Changes that were not kept.</summary>
    public long FailureCount => Volatile.Read(ref _failureCount);

    /// <summary>The store is known to work again.</summary>
    public void Recover() => Volatile.Write(ref _isIll, false);

    /// <summary>Does what changes the catalogue, and notes how it went. What the catalogue itself does not want is no failure.</summary>
    /// <param name="change">It.</param>
    /// <param name="isWritten">Whether something had to be kept for it.</param>
    public async Task<T> WatchAsync<T>(Task<T> change, Func<T, bool> isWritten)
    {
        try
        {
            var result = await change;
            if (isWritten(result))
            {
                Recover();
            }

            return result;
        }
        catch (CatalogueException error) when (!error.IsRefusal)
        {
            Interlocked.Increment(ref _failureCount);
            Volatile.Write(ref _isIll, true);
            throw;
        }
    }
}
