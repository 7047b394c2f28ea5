using Shoal.Protocol.Trackers;

namespace Shoal.Tracker.Metrics;

/// <summary>By what a tracker is asked.</summary>
internal enum TrackerProtocol
{
    Http,
    Udp,
}

/// <summary>Announces, scrapes and refusals by protocol, and how long they took. Thread-safe; allocates nothing.</summary>
internal sealed class TrackerTraffic
{
    private const int ProtocolCount = 2;

    private static readonly string[] Protocols = ["protocol=\"http\"", "protocol=\"udp\""];
    // As TrackerRefusal has them.
    private static readonly string[] Reasons = ["bad_request", "not_served", "not_member", "full", "proxy_names_nobody", "too_many_clients"];

    // A row for each protocol: announces, scrapes, refusals by reason.
    private readonly StripedCounters _counters = new(ProtocolCount * RowLength);
    private readonly Histogram[] _durations = [NewHistogram(), NewHistogram()];

    private static int RowLength => 2 + Reasons.Length;

    public void CountAnnounce(TrackerProtocol protocol) => _counters.Add((int)protocol * RowLength);

    public void CountScrape(TrackerProtocol protocol) => _counters.Add(((int)protocol * RowLength) + 1);

    public void CountRefusal(TrackerProtocol protocol, TrackerRefusal reason) => _counters.Add(((int)protocol * RowLength) + 2 + (int)reason);

    /// <summary>Notes that so many requests took from then, a time stamp of the stopwatch, until now.</summary>
    public void RecordSince(TrackerProtocol protocol, long start, int count = 1) => _durations[(int)protocol].RecordSince(start, count);

    /// <summary>Writes it.</summary>
    public void WriteTo(PrometheusText text)
    {
        Write("shoal_tracker_announces_total", "Announces, the refused ones too.", 0);
        Write("shoal_tracker_scrapes_total", "Scrapes, each of one torrent or several.", 1);
        text.Family("shoal_tracker_refusals_total", "counter", "Announces and scrapes that were refused.");
        foreach (var (protocol, label) in Protocols.Index())
        {
            foreach (var (reason, name) in Reasons.Index())
            {
                text.Sample("shoal_tracker_refusals_total", $"{label},reason=\"{name}\"", _counters.Sum((protocol * RowLength) + 2 + reason));
            }
        }

        const string Duration = "shoal_tracker_request_duration_seconds";
        text.Family(Duration, "histogram", "From a request of an announce or a scrape to its answer; by UDP that of all packets that were taken in together.");
        foreach (var (protocol, label) in Protocols.Index())
        {
            _durations[protocol].WriteTo(text, Duration, label);
        }

        void Write(string name, string help, int column)
        {
            text.Family(name, "counter", help);
            foreach (var (protocol, label) in Protocols.Index())
            {
                text.Sample(name, label, _counters.Sum((protocol * RowLength) + column));
            }
        }
    }

    private static Histogram NewHistogram() => new(0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1, 1);
}
