using System.Diagnostics;
using System.Globalization;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Metrics;

/// <summary>What /metrics answers. All is read when it is asked for. Thread-safe.</summary>
internal static class MetricsPage
{
    private static readonly double StartSeconds = ReadStart();

    /// <summary>The page.</summary>
    public static byte[] Write(TrackerShards shards, ClientLimits limits, CatalogueService? catalogue)
    {
        var text = new PrometheusText();
        WriteTracker(text, shards);
        limits.WriteTo(text);
        catalogue?.WriteMetrics(text);
        WriteProcess(text);
        return text.ToArray();
    }

    private static void WriteTracker(PrometheusText text, TrackerShards shards)
    {
        var statistics = shards.Statistics;
        shards.Traffic.WriteTo(text);
        text.Gauge("shoal_tracker_swarms", "Torrents that somebody announces.", statistics.SwarmCount);
        text.Family("shoal_tracker_peers", "gauge", "Peers in all swarms.");
        text.Sample("shoal_tracker_peers", "role=\"seeder\"", statistics.SeederCount);
        text.Sample("shoal_tracker_peers", "role=\"leecher\"", statistics.PeerCount - statistics.SeederCount);
        text.Counter("shoal_tracker_downloads_total", "Downloads that peers said they had completed.", statistics.DownloadCount);
        text.Gauge("shoal_tracker_table_bytes", "Memory of swarms and peers.", statistics.TableBytes);
    }

    // The names that Prometheus' own client libraries give them.
    private static void WriteProcess(PrometheusText text)
    {
        text.Family("shoal_build_info", "gauge", "The version that runs.");
        text.Sample("shoal_build_info", $"version=\"{typeof(MetricsPage).Assembly.GetName().Version?.ToString(3)}\"", 1);
        text.Gauge("process_start_time_seconds", "When the process started, since 1970 (UTC).", StartSeconds);
        text.Gauge("process_resident_memory_bytes", "Memory that is in use.", Environment.WorkingSet);
        if (!OperatingSystem.IsBrowser() && !OperatingSystem.IsIOS() && !OperatingSystem.IsTvOS())
        {
            text.Counter("process_cpu_seconds_total", "Time of processors, of the kernel's for it too.", Environment.CpuUsage.TotalTime.TotalSeconds);
        }

        if (OperatingSystem.IsLinux())
        {
            text.Gauge("process_open_fds", "Open files and connections.", Directory.EnumerateFileSystemEntries("/proc/self/fd").Count());
            text.Gauge("process_max_fds", "Files and connections that may be open.", MaximumOpenFiles());
        }

        text.Gauge("dotnet_gc_heap_bytes", "Managed memory, what is not collected yet too.", GC.GetTotalMemory(forceFullCollection: false));
        text.Counter("dotnet_gc_pause_seconds_total", "Time for which the garbage collector held all threads up.", GC.GetTotalPauseDuration().TotalSeconds);
        text.Gauge("dotnet_threadpool_threads", "Threads of the pool.", ThreadPool.ThreadCount);
        text.Gauge("dotnet_threadpool_queue_length", "Work that waits for a thread of the pool.", ThreadPool.PendingWorkItemCount);
    }

    private static double MaximumOpenFiles()
    {
        const string Key = "Max open files";
        var line = File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal)) ?? Key;
        return long.TryParse(line[Key.Length..].Trim().Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : double.NaN;
    }

    private static double ReadStart()
    {
        using var process = Process.GetCurrentProcess();
        return Math.Round((process.StartTime.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds, 2);
    }
}
