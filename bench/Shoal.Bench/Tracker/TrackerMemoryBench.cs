using System.Net.Sockets;

namespace Shoal.Bench.Tracker;

/// <summary>What a swarm, a peer and an idle HTTP connection cost a tracker in memory: growth of what is resident. One round.</summary>
internal static class TrackerMemoryBench
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    public static async Task<Report> RunAsync(Options options)
    {
        var report = new Report("tracker, memory", ["bytes each", "MiB in all"]);
        if (options.WantsRow("memory"))
        {
            var infoHashes = TrackerBench.InfoHashes(options.Quick ? 100_000 : 500_000);
            var peers = infoHashes.Length;
            await MeasureAsync(report, "a swarm of one peer", infoHashes, (tracker, udp) => Fill(udp, new Load(peers, 1, 0)));
            await MeasureAsync(report, "a peer in 1,000 swarms", infoHashes, (tracker, udp) => Fill(udp, new Load(1_000, peers / 1_000, 0)));
            await MeasureAsync(report, "a peer in 10 swarms", infoHashes, (tracker, udp) => Fill(udp, new Load(10, Math.Min(60_000, peers / 10), 0)));
        }

        if (options.WantsRow("idle"))
        {
            await MeasureAsync(
                report, "an idle HTTP connection", [], (tracker, _) => tracker.IsOurs ? OpenIdle(tracker, options.IdleHttpConnections) : null);
        }

        return report;
    }

    private readonly record struct Held(int Count, IReadOnlyList<Socket> Sockets);

    // What the load leaves in the tracker, held there while memory is read; null: that tracker has no such thing.
    private static async Task MeasureAsync(
        Report report, string what, byte[][] infoHashes, Func<TrackerUnderLoad, UdpLoad, Held?> load)
    {
        foreach (var tracker in await TrackerUnderLoad.StartAsync(infoHashes, (name, reason) => report.Add($"{what}: {name}", reason)))
        {
            await using (tracker)
            {
                using var udp = new UdpLoad(tracker.EndPoint, infoHashes);
                WarmUp(udp, infoHashes.Length);
                var before = tracker.ResidentBytes;
                if (load(tracker, udp) is { } held)
                {
                    await Task.Delay(Rest);
                    var after = tracker.ResidentBytes;
                    report.Add(
                        $"{what}: {tracker.Name}",
                        $"{held.Count:N0} of them",
                        Stat.One((double)(after - before) / held.Count, "F1"),
                        Stat.One(after / 1048576.0, "F1"));
                    foreach (var socket in held.Sockets)
                    {
                        socket.Dispose();
                    }
                }
            }
        }
    }

    // The compiler, on few peers, so that what it takes is not counted.
    private static void WarmUp(UdpLoad udp, int infoHashCount)
    {
        for (var i = 0; i < 1000 && infoHashCount > 0; i++)
        {
            udp.Fill(new Load(10, 20, 0));
        }
    }

    private static Held? Fill(UdpLoad udp, Load load)
    {
        udp.Fill(load);
        return new Held(load.SwarmCount * load.PeersPerSwarm, []);
    }

    private static Held? OpenIdle(TrackerUnderLoad tracker, int count)
    {
        var sockets = new List<Socket>(count);
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(tracker.EndPoint);
            socket.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8);
            socket.Receive(new byte[1024]);
            sockets.Add(socket);
        }

        return new Held(count, sockets);
    }
}
