using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>
/// What a seeder keeps in memory for links on which nothing happens after the handshake (BEP 3). They come from several
/// addresses of the loopback network, so that there are ports enough.
/// </summary>
internal static class IdleBench
{
    private const int HandshakeLength = 68;
    private const int LinksPerAddress = 2500;
    private const int OpenedAtOnce = 16;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(10);

    public static async Task<Report> RunAsync(Options options)
    {
        var report = new Report(
            $"{options.IdleConnections:N0} idle connections to one seeder",
            ["still open", "MiB", "of it own MiB", "before MiB", "own before MiB", "KiB a link", "CPU ms/s idle"]);
        if (options.WantsRow("shoal"))
        {
            if (ShoalProcess.WhyNoLauncher is { } reason)
            {
                report.Add("shoal", reason);
            }
            else
            {
                await RunShoalAsync(options, report);
            }
        }

        return report;
    }

    private static async Task RunShoalAsync(Options options, Report report)
    {
        var wanted = options.IdleConnections;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(170)); // after 180 s of silence a link is closed
        using var scratch = new ScratchFolder(options.Folder);
        var source = Payload.Write(Path.Combine(scratch.Folder("source"), "payload.bin"), 16 * Payload.MiB);
        var torrent = TestTorrent.Create(source, scratch.File("x.torrent"));
        await using var seeder = await ShoalProcess.SeedAsync(
            torrent.File, Path.GetDirectoryName(source)!, ["--max-connections", $"{wanted + 10}"], limit.Token);
        await Task.Delay(Rest, limit.Token);
        var before = ProcessCosts.Memory(seeder.ProcessId);

        var links = new Socket?[wanted];
        try
        {
            await Parallel.ForAsync(
                0,
                wanted,
                new ParallelOptions { MaxDegreeOfParallelism = OpenedAtOnce, CancellationToken = limit.Token },
                async (index, cancellation) => links[index] = await TryConnectAsync(index, seeder.Port, torrent.InfoHash, cancellation));
            var opened = links.Count(static link => link is not null);
            Console.Error.WriteLine($"  {opened} links are open");
            await Task.Delay(Rest, limit.Token);
            var cpuBefore = ProcessCosts.CpuSeconds(seeder.ProcessId);
            await Task.Delay(Rest, limit.Token);
            var cpu = ProcessCosts.CpuSeconds(seeder.ProcessId) - cpuBefore;
            var after = ProcessCosts.Memory(seeder.ProcessId);
            var open = links.Count(static link => link is not null && IsOpen(link));
            report.Add(
                "shoal",
                "",
                Stat.One(open, "F0"),
                Stat.One((after.Anonymous + after.Files) / 1048576.0, "F0"),
                Stat.One(after.Anonymous / 1048576.0, "F0"),
                Stat.One((before.Anonymous + before.Files) / 1048576.0, "F0"),
                Stat.One(before.Anonymous / 1048576.0, "F0"),
                Stat.One((after.Anonymous - before.Anonymous) / 1024.0 / Math.Max(open, 1), "F1"),
                Stat.One(cpu * 1000 / Rest.TotalSeconds, "F0"));
        }
        finally
        {
            Array.ForEach(links, static link => link?.Dispose());
        }
    }

    /// <summary>A link after both handshakes; null when the seeder refused it.</summary>
    private static async Task<Socket?> TryConnectAsync(int index, int port, string infoHash, CancellationToken cancellation)
    {
        var link = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            link.Bind(new IPEndPoint(new IPAddress([127, 0, 0, (byte)(2 + (index / LinksPerAddress))]), 0));
            await link.ConnectAsync(IPAddress.Loopback, port, cancellation);
            byte[] hello =
            [
                19, .. "BitTorrent protocol"u8, .. new byte[8], .. Convert.FromHexString(infoHash),
                .. "-XX0000-"u8, .. RandomNumberGenerator.GetBytes(12),
            ];
            await link.SendAsync(hello, cancellation);
            var answer = new byte[HandshakeLength];
            for (var filled = 0; filled < answer.Length;)
            {
                var read = await link.ReceiveAsync(answer.AsMemory(filled), cancellation);
                if (read == 0)
                {
                    link.Dispose();
                    return null;
                }

                filled += read;
            }

            return link;
        }
        catch (SocketException)
        {
            link.Dispose();
            return null;
        }
    }

    /// <summary>Reads away what has come (a bitfield, say) and looks for the end of the stream.</summary>
    private static bool IsOpen(Socket link)
    {
        try
        {
            var buffer = new byte[4096];
            while (link.Poll(0, SelectMode.SelectRead))
            {
                if (link.Receive(buffer) == 0)
                {
                    return false;
                }
            }

            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
