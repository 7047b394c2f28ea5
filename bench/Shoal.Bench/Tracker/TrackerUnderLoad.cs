using System.Net;
using Shoal.Interop.Foreign;

namespace Shoal.Bench.Tracker;

/// <summary>A tracker in a process of its own, whose CPU time and memory are read from outside.</summary>
internal sealed class TrackerUnderLoad(string name, int processId, int port, IAsyncDisposable process) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public string Name { get; } = name;

    public bool IsOurs => Name == "shoal";

    public IPEndPoint EndPoint { get; } = new(IPAddress.Loopback, port);

    /// <summary>CPU seconds so far, user and system.</summary>
    public double CpuSeconds => ProcessCosts.CpuSeconds(processId);

    /// <summary>Bytes resident that are not files.</summary>
    public long ResidentBytes => ProcessCosts.Memory(processId).Anonymous;

    /// <summary>Ours as users run it and opentracker, as far as they can run; the others' reasons go to the report.</summary>
    public static async Task<List<TrackerUnderLoad>> StartAsync(byte[][] infoHashes, Action<string, string> whyNot)
    {
        using var limit = new CancellationTokenSource(Patience);
        var started = new List<TrackerUnderLoad>();
        if (ShoalProcess.WhyNoLauncher is { } noShoal)
        {
            whyNot("shoal", noShoal);
        }
        else
        {
            var ours = await ShoalProcess.TrackerAsync(limit.Token, "--max-swarms", "10000000");
            started.Add(new("shoal", ours.ProcessId, ours.Port, ours));
        }

        if (ForeignPrograms.WhyNoOpentracker is { } noOpentracker)
        {
            whyNot("opentracker", noOpentracker);
        }
        else
        {
            var theirs = await OpentrackerProcess.StartAsync([.. infoHashes.Select(Convert.ToHexStringLower)], limit.Token);
            started.Add(new("opentracker", theirs.ProcessId, theirs.Port, theirs));
        }

        return started;
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();
}
