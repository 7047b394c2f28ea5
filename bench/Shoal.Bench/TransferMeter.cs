using System.Diagnostics;

namespace Shoal.Bench;

/// <summary>What one run of one contender came to. Rates in MB/s (10^6 bytes), times in seconds, memory in bytes.</summary>
/// <param name="Rate">All bytes over the time from the telling (process start, or the adding of the torrent) to the end.</param>
/// <param name="Slope">The same without the way to the first byte: the rate between 5 % and 95 % of the file.</param>
/// <param name="CpuPerGiB">CPU seconds of both sides per GiB.</param>
/// <param name="FirstByte">From the telling to the first byte in the leecher's file; not a number when it preallocates.</param>
/// <param name="PeakMemory">The leecher's peak resident set.</param>
/// <param name="PeakOwnMemory">The part of it that is no mapped file (sampled).</param>
internal readonly record struct TransferResult(
    double Rate, double Slope, double CpuPerGiB, double FirstByte, long PeakMemory, long PeakOwnMemory);

/// <summary>
/// Watches one transfer from outside, the same way for every contender: the growth of the leecher's file,
/// the CPU time of both processes, the leecher's memory.
/// </summary>
internal sealed class TransferMeter(string targetFile, long length, Ballast ballast) : IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly List<(long At, long Bytes)> _growth = [];
    private Thread? _sampler;
    private int _seeder;
    private int _leecher;
    private double _seederCpuBefore;
    private double _endedCpuBefore;
    private long _told;
    private long _peak;
    private long _peakOwn;

    /// <summary>
    /// The seeder is ready, and its work so far does not count. Some are still busy after they said so
    /// (libtorrent unmaps what it checked), so this waits until the process rests.
    /// </summary>
    public async Task SeederReadyAsync(int processId, CancellationToken cancellation)
    {
        const double restingSeconds = 0.01;
        var before = ProcessCosts.CpuSeconds(processId);
        while (true)
        {
            await Task.Delay(300, cancellation);
            var now = ProcessCosts.CpuSeconds(processId);
            if (now - before <= restingSeconds)
            {
                break;
            }

            before = now;
        }

        _seeder = processId;
        ballast.ReleaseFor(0);
        _seederCpuBefore = ProcessCosts.CpuSeconds(processId);
        _endedCpuBefore = ProcessCosts.EndedChildrenCpuSeconds();
    }

    /// <summary>The leecher has been told what to get; <paramref name="at"/> is a stopwatch's timestamp.</summary>
    public void Told(int leecherProcessId, long at)
    {
        _told = at;
        _leecher = leecherProcessId;
        _sampler = new Thread(Sample) { IsBackground = true, Name = "sampler" };
        _sampler.Start();
    }

    /// <summary>Everything has arrived. The leecher may be alive or have ended already.</summary>
    public TransferResult Done(long at)
    {
        _end.Cancel();
        _sampler!.Join();
        var seederCpu = ProcessCosts.CpuSeconds(_seeder) - _seederCpuBefore;
        var leecherCpu = ProcessCosts.CpuSeconds(_leecher) + ProcessCosts.EndedChildrenCpuSeconds() - _endedCpuBefore;
        var gibibytes = length / (double)(1L << 30);
        // A file that is whole when first seen was preallocated, and its growth tells nothing.
        var grows = _growth.Count > 0 && _growth[0].Bytes < length * 0.9;
        return new(
            length / 1e6 / Stopwatch.GetElapsedTime(_told, at).TotalSeconds,
            grows ? Slope() : double.NaN,
            (seederCpu + leecherCpu) / gibibytes,
            grows ? Stopwatch.GetElapsedTime(_told, _growth[0].At).TotalSeconds : double.NaN,
            _peak,
            _peakOwn);
    }

    public void Dispose()
    {
        _end.Cancel();
        _sampler?.Join();
        _end.Dispose();
    }

    private double Slope()
    {
        var low = _growth.FindIndex(sample => sample.Bytes >= length * 0.05);
        var high = _growth.FindIndex(sample => sample.Bytes >= length * 0.95);
        if (low < 0 || high <= low)
        {
            return double.NaN;
        }

        var seconds = Stopwatch.GetElapsedTime(_growth[low].At, _growth[high].At).TotalSeconds;
        return (_growth[high].Bytes - _growth[low].Bytes) / 1e6 / seconds;
    }

    private void Sample()
    {
        long last = 0;
        var turn = 0;
        while (!_end.IsCancellationRequested)
        {
            var now = Stopwatch.GetTimestamp();
            var bytes = ProcessCosts.AllocatedBytes(targetFile);
            if (bytes > last)
            {
                _growth.Add((now, bytes));
                last = bytes;
                ballast.ReleaseFor(bytes);
            }

            if (turn++ % 8 == 0)
            {
                var (peak, anonymous, _) = ProcessCosts.Memory(_leecher);
                _peak = Math.Max(_peak, peak);
                _peakOwn = Math.Max(_peakOwn, anonymous);
            }

            Thread.Sleep(3);
        }
    }
}
