using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Shoal.Interop.Foreign;

/// <summary>
/// Ports for programs that cannot choose one themselves. They are drawn below the range from which the kernel
/// takes ports for outgoing connections, so nothing slips in between the choice and the program's start.
/// </summary>
internal static class FreePort
{
    private const int First = 15000;
    private const int End = 32000;

    // Whoever was given one may not have opened it yet, and could not while somebody else looks whether it is free.
    private static readonly ConcurrentDictionary<int, bool> Given = new();

    /// <summary>A port of 127.0.0.1 that is free for TCP and UDP just now, and that nobody was given before.</summary>
    public static int Next()
    {
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var port = RandomNumberGenerator.GetInt32(First, End);
            if (Given.TryAdd(port, true) && IsFree(port, SocketType.Stream, ProtocolType.Tcp) && IsFree(port, SocketType.Dgram, ProtocolType.Udp))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"no free port between {First} and {End}");
    }

    private static bool IsFree(int port, SocketType type, ProtocolType protocol)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, type, protocol);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
