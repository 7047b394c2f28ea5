using Microsoft.AspNetCore.Http;

namespace Shoal.Tracker.Metrics;

/// <summary>
/// Requests to a catalogue by endpoint, how long they took, what was refused, and the events that were sent. Endpoints are those it was made
/// with, and one for all others. Thread-safe.
/// </summary>
internal sealed class CatalogueTraffic
{
    /// <summary>The endpoint whose requests last as long as somebody listens: they are counted, and not timed.</summary>
    public const string Events = "events";

    private static readonly string[] Endpoints = ["list", "get", "publish", "remove", "versions", "torrent", "magnet", Events, "other"];

    private static readonly (int Status, string Reason)[] Reasons =
    [
        (StatusCodes.Status400BadRequest, "bad_request"), (StatusCodes.Status401Unauthorized, "token_needed"), (StatusCodes.Status403Forbidden, "token_not_for_this"),
        (StatusCodes.Status404NotFound, "not_found"), (StatusCodes.Status413PayloadTooLarge, "too_large"),
        (StatusCodes.Status503ServiceUnavailable, "unavailable"), (0, "other"),
    ];

    private static readonly string[] EventTypes = ["published", "removed"];

    private readonly Histogram[] _durations = [.. Endpoints.Select(_ => new Histogram(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10))];
    private readonly StripedCounters _requests = new(Endpoints.Length);
    private readonly StripedCounters _refusals = new(Reasons.Length);
    private readonly StripedCounters _events = new(EventTypes.Length);

    /// <summary>Counts a request that is over, whatever came of it; the endpoint is null if there was none.</summary>
    public void Count(string? endpoint, int status, long start)
    {
        var index = Array.IndexOf(Endpoints, endpoint);
        index = index < 0 ? Endpoints.Length - 1 : index;
        _requests.Add(index);
        if (endpoint != Events)
        {
            _durations[index].RecordSince(start);
        }

        if (status >= StatusCodes.Status400BadRequest)
        {
            var reason = Array.FindIndex(Reasons, one => one.Status == status);
            _refusals.Add(reason < 0 ? Reasons.Length - 1 : reason);
        }
    }

    /// <summary>Counts an event on its way to one subscriber.</summary>
    public void CountEvent(bool isPublished) => _events.Add(isPublished ? 0 : 1);

    /// <summary>Writes it.</summary>
    public void WriteTo(PrometheusText text)
    {
        Write("shoal_catalogue_requests_total", "endpoint", "Requests to the catalogue that are over.", Endpoints, _requests);
        Write("shoal_catalogue_refusals_total", "reason", "Requests to the catalogue that were refused.", Reasons.Select(one => one.Reason), _refusals);
        Write("shoal_catalogue_events_sent_total", "type", "Events sent, to each subscriber.", EventTypes, _events);
        const string Duration = "shoal_catalogue_request_duration_seconds";
        text.Family(Duration, "histogram", "From a request to the catalogue to the end of its answer.");
        foreach (var (index, endpoint) in Endpoints.Index().Where(one => one.Item != Events))
        {
            _durations[index].WriteTo(text, Duration, $"endpoint=\"{endpoint}\"");
        }

        void Write(string name, string label, string help, IEnumerable<string> values, StripedCounters counters)
        {
            text.Family(name, "counter", help);
            foreach (var (index, value) in values.Index())
            {
                text.Sample(name, $"{label}=\"{value}\"", counters.Sum(index));
            }
        }
    }
}
