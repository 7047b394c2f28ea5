using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Shoal.Bench.Tracker;

/// <summary>What a swarm, a peer and an idle connection cost in memory: growth of what is resident.</summary>
internal static class Memory
{
    public static void Measure(string directory, bool quick)
    {
        var infoHashes = Enumerable.Range(0, quick ? 100_000 : 500_000).Select(static i => SHA1.HashData(BitConverter.GetBytes(i))).ToArray();
        Measure(directory, infoHashes, "bytes a swarm of one peer", new Load(infoHashes.Length, 1, 0));
        Measure(directory, infoHashes, "bytes a peer in 1,000 swarms", new Load(1_000, infoHashes.Length / 1_000, 0));
        Measure(directory, infoHashes, "bytes a peer in 10 swarms", new Load(10, Math.Min(60_000, infoHashes.Length / 10), 0));
    }

    public static void MeasureIdle(int connections)
    {
        using var server = ServerProcess.StartOurs();
        var before = server.ResidentBytes;
        var sockets = new List<Socket>();
        for (var i = 0; i < connections; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(server.EndPoint);
            socket.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8);
            socket.Receive(new byte[1024]);
            sockets.Add(socket);
        }

        Thread.Sleep(1000);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{connections:N0} idle connections: {(server.ResidentBytes - before) / 1048576.0:F1} MiB more, {server.ResidentBytes / 1048576.0:F1} MiB in all"));
        sockets.ForEach(static s => s.Dispose());
    }

    private static void Measure(string directory, byte[][] infoHashes, string what, Load load)
    {
        foreach (var server in new[] { ServerProcess.StartOurs(), ServerProcess.StartOpentracker(directory, infoHashes) })
        {
            if (server is null)
            {
                continue;
            }

            using (server)
            {
                using var udp = new UdpLoad(server.EndPoint, infoHashes);

                // Warms up the compiler on few peers, so that what it takes is not counted.
                for (var i = 0; i < 1000; i++)
                {
                    udp.Fill(new Load(10, 20, 0));
                }

                var before = server.ResidentBytes;
                udp.Fill(load);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{what,-32}{server.Name,-14}{(double)(server.ResidentBytes - before) / ((double)load.SwarmCount * load.PeersPerSwarm),10:F1}"));
            }
        }
    }
}
