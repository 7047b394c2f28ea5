using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Shoal.Interop.Foreign;

namespace Shoal.Bench;

/// <summary>What a seeder keeps in memory for links on which nothing happens after the handshake (BEP 3).</summary>
internal static class IdleBench
{
    private const int HandshakeLength = 68;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(5);

    public static async Task<Report> RunAsync(Options options)
    {
        var wanted = options.IdleConnections;
        var report = new Report(
            $"{wanted:N0} idle connections to one seeder", ["still open", "MiB", "of it own MiB", "before MiB", "KiB a link"]);
        if (options.WantsRow("shoal"))
        {
            await RunShoalAsync(options, wanted, report);
        }

        return report;
    }

    private static async Task RunShoalAsync(Options options, int wanted, Report report)
    {
        if (ShoalProcess.WhyNoLauncher is { } reason)
        {
            report.Add("shoal", reason);
            return;
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(180));
        using var scratch = new ScratchFolder(options.Folder);
        var source = Payload.Write(Path.Combine(scratch.Folder("source"), "payload.bin"), 16 * Payload.MiB);
        var torrent = TestTorrent.Create(source, scratch.File("x.torrent"));
        await using var seeder = await ShoalProcess.SeedAsync(torrent.File, Path.GetDirectoryName(source)!, limit.Token);
        await Task.Delay(Rest, limit.Token);
        var before = ProcessCosts.Memory(seeder.ProcessId);

        var links = new List<Socket>(wanted);
        try
        {
            for (var index = 0; index < wanted; index++)
            {
                if (await TryConnectAsync(seeder.Port, torrent.InfoHash, limit.Token) is { } link)
                {
                    links.Add(link);
                }
            }

            await Task.Delay(Rest, limit.Token);
            var after = ProcessCosts.Memory(seeder.ProcessId);
            var open = links.Count(IsOpen);
            report.Add(
                "shoal",
                "",
                Stat.One(open, "F0"),
                Stat.One((after.Anonymous + after.Files) / 1048576.0, "F0"),
                Stat.One(after.Anonymous / 1048576.0, "F0"),
                Stat.One((before.Anonymous + before.Files) / 1048576.0, "F0"),
                Stat.One((after.Anonymous - before.Anonymous) / 1024.0 / Math.Max(open, 1), "F1"));
        }
        finally
        {
            links.ForEach(static link => link.Dispose());
        }
    }

    /// <summary>A link after both handshakes; null when the seeder refused it.</summary>
    private static async Task<Socket?> TryConnectAsync(int port, string infoHash, CancellationToken cancellation)
    {
        var link = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
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
