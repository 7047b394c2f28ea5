using System.Diagnostics;
using System.Text.Json.Nodes;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>What every contender is given: a file, its torrent without and with a tracker, and where to put the copy.</summary>
internal sealed record Workload(string SourceFolder, string TargetFolder, TestTorrent Torrent)
{
    public string SourceFile => Path.Combine(SourceFolder, Torrent.Name);

    public string TargetFile => Path.Combine(TargetFolder, Torrent.Name);
}

/// <summary>One row: a program, or one way of running it, that moves a file from a seeder to a leecher.</summary>
internal abstract class Contender(string key, string name)
{
    /// <summary>What <c>--only</c> asks for.</summary>
    public string Key { get; } = key;

    public string Name { get; } = name;

    /// <summary>Why it cannot run here; null when it can.</summary>
    public virtual string? WhyNot => null;

    /// <summary>The most that it is given to move; slow programs are given less.</summary>
    public virtual long MaxLength => long.MaxValue;

    public abstract Task<TransferResult> RunAsync(Workload work, TransferMeter meter, CancellationToken cancellation);
}

/// <summary>Two threads of C# with nothing between them: the rate that a protocol can be measured against.</summary>
internal sealed class BareContender() : Contender("bare", "bare C# program")
{
    public override async Task<TransferResult> RunAsync(Workload work, TransferMeter meter, CancellationToken cancellation)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Shoal.Bench.Bare.dll");
        var port = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var sender = ChildProcess.Start(
            "bare send", "dotnet", [program, "send", work.SourceFile], onLine: line => port.TrySetResult(line));
        var portText = await port.Task.WaitAsync(cancellation);
        await meter.SeederReadyAsync(sender.Id, cancellation);
        var done = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var receiver = ChildProcess.Start(
            "bare receive",
            "dotnet",
            [program, "receive", portText, work.TargetFile],
            onLine: _ => done.TrySetResult(Stopwatch.GetTimestamp()));
        meter.Told(receiver.Id, receiver.StartedAt);
        var at = await done.Task.WaitAsync(cancellation);
        await receiver.WaitForExitAsync(cancellation);
        await sender.WaitForExitAsync(cancellation); // so that its time is counted once
        return meter.Done(at);
    }
}

/// <summary>Ours, as a user runs it: <c>shoal seed</c> and <c>shoal get</c>, with the peer's address given by hand.</summary>
internal sealed class ShoalContender(string key, string name, bool isEncrypted) : Contender(key, name)
{
    private readonly string[] _options = ["--encryption", isEncrypted ? "require" : "off"];

    public override string? WhyNot => ShoalProcess.WhyNoLauncher;

    public override async Task<TransferResult> RunAsync(Workload work, TransferMeter meter, CancellationToken cancellation)
    {
        await using var seeder = await ShoalProcess.SeedAsync(work.Torrent.File, work.SourceFolder, _options, cancellation);
        await meter.SeederReadyAsync(seeder.ProcessId, cancellation);
        await using var leecher = ShoalProcess.Get(work.Torrent.File, work.TargetFolder, [seeder.Port], _options);
        meter.Told(leecher.ProcessId, leecher.Process.StartedAt);
        var at = await leecher.CompleteAsync(cancellation);
        await leecher.SucceedAsync(cancellation);
        return meter.Done(at);
    }
}

/// <summary>A secret share: sealed by <c>shoal share --secret</c>, each piece again for the one who gets it, and opened by <c>shoal get</c>.</summary>
internal sealed class SecretContender() : Contender("shoal-secret", "shoal, secret share")
{
    private static readonly string[] InTheClear = ["--encryption", "off"];

    public override string? WhyNot => ShoalProcess.WhyNoLauncher;

    public override async Task<TransferResult> RunAsync(Workload work, TransferMeter meter, CancellationToken cancellation)
    {
        var (seeder, _, link) = await ShoalProcess.ShareSecretAsync(work.SourceFile, work.TargetFolder, cancellation, InTheClear);
        await using var seeding = seeder;
        await meter.SeederReadyAsync(seeder.ProcessId, cancellation);
        await using var leecher = ShoalProcess.Get(link, work.TargetFolder, [], InTheClear);
        meter.Told(leecher.ProcessId, leecher.Process.StartedAt);
        var at = await leecher.CompleteAsync(cancellation);
        await leecher.SucceedAsync(cancellation);
        return meter.Done(at);
    }
}

internal sealed class LibtorrentContender(string key, string name, bool highPerformance, bool isEncrypted = false) : Contender(key, name)
{
    // Forced both ways, RC4 alone; or none.
    private JsonObject Settings => isEncrypted
        ? new() { ["out_enc_policy"] = 0, ["in_enc_policy"] = 0, ["allowed_enc_level"] = 2 }
        : new() { ["out_enc_policy"] = 2, ["in_enc_policy"] = 2 };

    public override string? WhyNot => ForeignPrograms.WhyNoLibtorrent;

    public override async Task<TransferResult> RunAsync(Workload work, TransferMeter meter, CancellationToken cancellation)
    {
        await using var seeder = await LibtorrentPeer.StartAsync(cancellation, highPerformance, Settings);
        await using var leecher = await LibtorrentPeer.StartAsync(cancellation, highPerformance, Settings);
        await seeder.SeedAsync(work.Torrent.File, work.SourceFolder, cancellation);
        await meter.SeederReadyAsync(seeder.ProcessId, cancellation);
        meter.Told(leecher.ProcessId, Stopwatch.GetTimestamp());
        await leecher.LeechAsync(TorrentGiven.OfFile(work.Torrent.File), work.TargetFolder, cancellation);
        await leecher.ConnectAsync(seeder.Port, cancellation);
        return meter.Done(await leecher.Finished.WaitAsync(cancellation));
    }
}

/// <summary>aria2 finds its peers only through a tracker, here opentracker; it waits seconds before its first request.</summary>
internal sealed class Aria2Contender() : Contender("aria2", "aria2")
{
    public override string? WhyNot => ForeignPrograms.WhyNoAria2 ?? ForeignPrograms.WhyNoOpentracker;

    public override async Task<TransferResult> RunAsync(Workload work, TransferMeter meter, CancellationToken cancellation)
    {
        await using var tracker = await OpentrackerProcess.StartAsync([work.Torrent.InfoHash], cancellation);
        await using var seeder = await Aria2Peer.StartAsync(cancellation, $"--bt-tracker={tracker.HttpUrl}");
        await using var leecher = await Aria2Peer.StartAsync(cancellation, $"--bt-tracker={tracker.HttpUrl}");
        await seeder.SeedAsync(work.Torrent.File, work.SourceFolder, cancellation);
        await TrackerProbe.WaitForSeedersAsync(tracker.Port, work.Torrent.InfoHash, 1, cancellation);
        await meter.SeederReadyAsync(seeder.ProcessId, cancellation);
        meter.Told(leecher.ProcessId, Stopwatch.GetTimestamp());
        await leecher.LeechAsync(TorrentGiven.OfFile(work.Torrent.File), work.TargetFolder, cancellation);
        await leecher.WaitUntilCompleteAsync(cancellation);
        return meter.Done(Stopwatch.GetTimestamp());
    }
}

/// <summary>Transmission takes no loopback address for a peer, so it cannot feed itself here: libtorrent connects to it and sends.</summary>
internal sealed class TransmissionContender() : Contender("transmission", "Transmission (fed by libtorrent)")
{
    public override string? WhyNot => ForeignPrograms.WhyNoTransmission ?? ForeignPrograms.WhyNoLibtorrent;

    public override long MaxLength => 64L << 20;

    public override async Task<TransferResult> RunAsync(Workload work, TransferMeter meter, CancellationToken cancellation)
    {
        await using var seeder = await LibtorrentPeer.StartAsync(cancellation);
        await using var leecher = await TransmissionPeer.StartAsync(cancellation);
        await seeder.SeedAsync(work.Torrent.File, work.SourceFolder, cancellation);
        await meter.SeederReadyAsync(seeder.ProcessId, cancellation);
        meter.Told(leecher.ProcessId, Stopwatch.GetTimestamp());
        await leecher.LeechAsync(TorrentGiven.OfFile(work.Torrent.File), work.TargetFolder, cancellation);
        await seeder.ConnectAsync(leecher.Port, cancellation);
        await leecher.WaitUntilCompleteAsync(cancellation);
        return meter.Done(Stopwatch.GetTimestamp());
    }
}
