using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Shoal.Protocol;
using Shoal.Tracker.Metrics;

namespace Shoal.Tracker;

/// <summary>
/// How many HTTP clients there may be at a time, and how often each may ask. Who comes beyond the number is told so, as long as it stays
/// exceeded; far beyond it, Kestrel closes without a word (<see cref="HardLimit"/>). Thread-safe; costs an announce one look at a number.
/// </summary>
internal sealed class ClientLimits(TrackerOptions options, TimeProvider time)
{
    private const int TooManyClients = 0;
    private const int TooManyRequests = 1;

    private readonly RequestRates? _rates = options.MaximumRequestRate > 0 ? new RequestRates(options.MaximumRequestRate, time) : null;
    private readonly StripedCounters _turnedAway = new(2);
    private int _clients;

    /// <summary>Connections beyond which there is no answer: there must be some for those who are to hear why not.</summary>
    public int HardLimit { get; } = options.MaximumConnectionCount + (options.MaximumConnectionCount / 10) + 100;

    /// <summary>Open connections.</summary>
    public int ClientCount => Volatile.Read(ref _clients);

    /// <summary>Counts a connection as long as it is open.</summary>
    public async Task CountAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (Interlocked.Increment(ref _clients) > options.MaximumConnectionCount)
        {
            connection.Features.Set(new Beyond());
        }

        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _clients);
        }
    }

    /// <summary>Whether the request came by a connection that is one too many.</summary>
    public bool IsOneTooMany(IFeatureCollection context)
    {
        var isIt = ClientCount > options.MaximumConnectionCount && context.Get<Beyond>() is not null;
        if (isIt)
        {
            _turnedAway.Add(TooManyClients);
        }

        return isIt;
    }

    /// <summary>Whether the client asks more often than it may. This machine may as often as it likes.</summary>
    public bool AsksTooOften(PeerAddress client)
    {
        var does = _rates is not null && !(client.Kind != PeerAddressKind.None && client.IsLoopback) && !_rates.TryTake(client);
        if (does)
        {
            _turnedAway.Add(TooManyRequests);
        }

        return does;
    }

    /// <summary>Writes what there is of it.</summary>
    public void WriteTo(PrometheusText text)
    {
        text.Gauge("shoal_http_clients", "Open connections.", ClientCount);
        text.Gauge("shoal_http_clients_max", "Open connections beyond which a client is turned away.", options.MaximumConnectionCount);
        text.Family("shoal_http_turned_away_total", "counter", "Requests that were turned away before anybody looked at them.");
        text.Sample("shoal_http_turned_away_total", "reason=\"too_many_clients\"", _turnedAway.Sum(TooManyClients));
        text.Sample("shoal_http_turned_away_total", "reason=\"too_many_requests\"", _turnedAway.Sum(TooManyRequests));
    }

    /// <summary>Marks a connection that was one too many when it came.</summary>
    private sealed class Beyond;
}
