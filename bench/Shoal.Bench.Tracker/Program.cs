using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Shoal.Bench.Tracker;

// Announces per second and CPU per answer of our tracker, beside opentracker in the same run, alternating.
//   bench/run tracker [--quick] [ROW…]        rows: connect, udp, udp50, udp200, http, http-close, memory, idle
var quick = args.Contains("--quick");
var rounds = quick ? 1 : 5;
var duration = TimeSpan.FromSeconds(quick ? 1 : 2);
var wanted = args.Where(static a => !a.StartsWith('-')).ToHashSet();
var infoHashes = Enumerable.Range(0, 100_000).Select(static i => SHA1.HashData(BitConverter.GetBytes(i))).ToArray();
var directory = Directory.CreateTempSubdirectory("shoal-bench").FullName;
try
{
    var rows = new (string Name, Load Load, Func<ServerProcess, UdpLoad, Load, Outcome> Run)[]
    {
        ("connect", new Load(1, 1, 0), (_, udp, _) => udp.ConnectMany(duration)),
        ("udp", new Load(100_000, 3, 50), (_, udp, load) => udp.Announce(load, duration)),
        ("udp50", new Load(1_000, 60, 50), (_, udp, load) => udp.Announce(load, duration)),
        ("udp200", new Load(1_000, 220, 200), (_, udp, load) => udp.Announce(load, duration)),
        ("http", new Load(100_000, 3, 50), (server, _, load) => HttpLoad.Announce(server.EndPoint, infoHashes, load, server.Name == "shoal", duration)),
        ("http-close", new Load(100_000, 3, 50), (server, _, load) => HttpLoad.Announce(server.EndPoint, infoHashes, load, keepAlive: false, duration)),
    };
    Console.WriteLine($"{"row",-12}{"server",-14}{"answers/s",12}{"CPU µs each",14}{"bytes each",12}{"CPU s won",12}");
    foreach (var (name, load, run) in rows)
    {
        if (wanted.Count == 0 || wanted.Contains(name))
        {
            Measure(name, load, run);
        }
    }

    if (wanted.Count == 0 || wanted.Contains("memory"))
    {
        Memory.Measure(directory, quick);
    }

    if (wanted.Count == 0 || wanted.Contains("idle"))
    {
        Memory.MeasureIdle(quick ? 2_000 : 10_000);
    }
}
finally
{
    Directory.Delete(directory, recursive: true);
}

return 0;

void Measure(string name, Load load, Func<ServerProcess, UdpLoad, Load, Outcome> run)
{
    var servers = new[] { ServerProcess.StartOurs(), ServerProcess.StartOpentracker(directory, infoHashes) };
    var results = new Dictionary<string, List<(double Rate, double Cpu, double Bytes)>>();
    try
    {
        // The first round fills the tables and warms up the compiler, and does not count.
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var server in servers.OfType<ServerProcess>())
            {
                using var udp = new UdpLoad(server.EndPoint, infoHashes);
                if (round == 0)
                {
                    udp.Fill(load);
                }

                var before = server.CpuSeconds;
                var outcome = run(server, udp, load);
                var cpu = server.CpuSeconds - before;
                if (round > 0)
                {
                    results.TryAdd(server.Name, []);
                    results[server.Name].Add((outcome.Answers / outcome.Seconds, cpu * 1e6 / outcome.Answers, outcome.AnswerBytes));
                }
            }
        }
    }
    finally
    {
        Array.ForEach(servers, static s => s?.Dispose());
    }

    var theirs = results.TryGetValue("opentracker", out var list) ? Median(list.Select(static r => r.Cpu)) : double.NaN;
    foreach (var (server, all) in results)
    {
        var cpu = Median(all.Select(static r => r.Cpu));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-12}{server,-14}{Median(all.Select(static r => r.Rate)),12:N0}{cpu,14:F2}{Median(all.Select(static r => r.Bytes)),12:N0}{(server == "shoal" ? $"{theirs / cpu:F2} x" : "1"),12}"));
    }
}

static double Median(IEnumerable<double> values)
{
    var sorted = values.Order().ToArray();
    return sorted[sorted.Length / 2];
}
