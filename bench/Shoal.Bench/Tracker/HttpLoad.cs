using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Bench.Tracker;

/// <summary>Asks a tracker by HTTP: blocking threads, each with one request under way.</summary>
internal static class HttpLoad
{
    private const int ThreadCount = 16;

    public static Outcome Announce(IPEndPoint server, byte[][] infoHashes, Load load, bool keepAlive, TimeSpan duration)
    {
        long answers = 0;
        long bytes = 0;
        var watch = Stopwatch.StartNew();
        var failure = default(Exception);
        var threads = Enumerable.Range(1, ThreadCount).Select(n => new Thread(() =>
        {
            try
            {
                var (a, b) = Ask(server, infoHashes, load, keepAlive, watch, duration, n);
                Interlocked.Add(ref answers, a);
                Interlocked.Add(ref bytes, b);
            }
            catch (Exception e)
            {
                failure = e;
            }
        })).ToList();
        threads.ForEach(static t => t.Start());
        threads.ForEach(static t => t.Join());
        return failure is not null ? throw failure : new Outcome(answers, watch.Elapsed.TotalSeconds, (double)bytes / Math.Max(1, answers));
    }

    private static (long Answers, long Bytes) Ask(
        IPEndPoint server, byte[][] infoHashes, Load load, bool keepAlive, Stopwatch watch, TimeSpan duration, int seed)
    {
        var random = new Random(seed);
        var requests = Requests(infoHashes, load, keepAlive, random);
        var buffer = new byte[16 * 1024];
        var (answers, bytes) = (0L, 0L);
        Socket? socket = null;
        while (watch.Elapsed < duration)
        {
            if (socket is null)
            {
                socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 5000 };
                socket.Connect(server);
            }

            socket.Send(requests[random.Next(requests.Length)]);
            var (length, isOpen) = Receive(socket, buffer, keepAlive);
            answers++;
            bytes += length;
            if (!isOpen)
            {
                socket.Dispose();
                socket = null;
            }
        }

        socket?.Dispose();
        return (answers, bytes);
    }

    private static byte[][] Requests(byte[][] infoHashes, Load load, bool keepAlive, Random random) =>
        [.. Enumerable.Range(0, 2000).Select(_ =>
        {
            var peer = random.Next(load.PeersPerSwarm);
            var announce = new AnnounceRequest(
                new InfoHash(infoHashes[random.Next(load.SwarmCount)]), new PeerId(infoHashes[peer]), (ushort)(1024 + peer), Left: 1, WantedPeerCount: load.Wanted);
            var target = HttpTrackerQuery.AppendAnnounce("/announce", announce);
            return Encoding.ASCII.GetBytes(
                $"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n{(keepAlive ? string.Empty : "Connection: close\r\n")}\r\n");
        })];

    // With keep-alive the answer ends by Content-Length, else by the connection.
    private static (int Length, bool IsOpen) Receive(Socket socket, byte[] buffer, bool keepAlive)
    {
        var length = 0;
        while (true)
        {
            var count = socket.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
            if (count == 0)
            {
                return length > 0 ? (length, false) : throw new InvalidOperationException("the tracker closed without an answer");
            }

            length += count;
            if (keepAlive && IsWhole(buffer.AsSpan(0, length)))
            {
                return (length, true);
            }
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        var at = answer.IndexOf("Content-Length: "u8);
        if (end < 0 || at < 0)
        {
            return false;
        }

        var digits = answer[(at + 16)..];
        return answer.Length >= end + 4 + int.Parse(digits[..digits.IndexOf((byte)'\r')]);
    }
}
