using Shoal.Protocol.Catalogue;

namespace Shoal.Catalogue;

/// <summary>
/// Has a client announce anew when the tracker of a catalogue is back after it was away: it has forgotten who has what, and would not hear of it before
/// the next regular announce. Where the catalogue tells us nothing, it is as with any other tracker. Until it is disposed.
/// </summary>
public sealed class TrackerWatch : IAsyncDisposable
{
    // No name is like this: that its events break off and come again is all there is to hear.
    private static readonly NamePattern Nothing = NamePattern.TryParse(".", out var pattern, out _) ? pattern : throw new InvalidOperationException();

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;

    /// <summary>Begins to watch.</summary>
    /// <param name="catalogue">The catalogue, which must outlive this.</param>
    /// <param name="client">The client, which must outlive this.</param>
    public TrackerWatch(CatalogueClient catalogue, ShoalClient client) => _watching = Task.Run(() => WatchAsync(catalogue, client, _stop.Token));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private static async Task WatchAsync(CatalogueClient catalogue, ShoalClient client, CancellationToken stop)
    {
        var isAway = false;
        try
        {
            await foreach (var news in catalogue.SubscribeAsync([Nothing], null, stop))
            {
                if (isAway && news.Kind != CatalogueNewsKind.Disconnected)
                {
                    client.AnnounceAnew();
                }

                isAway = news.Kind == CatalogueNewsKind.Disconnected;
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ShoalException)
        {
            // It ends, or the catalogue does not let us listen.
        }
    }
}
