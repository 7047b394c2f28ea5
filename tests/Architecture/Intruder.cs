#pragma warning disable // this class is everything that the pure projects must not be

using System.Net;
using System.Net.Sockets;

namespace Architecture;

/// <summary>A deliberate breach of every rule: proof that the walls can fall.</summary>
internal sealed class Intruder
{
    public static int Counter;
    private static readonly Dictionary<int, int> Cache = new();
    private readonly Socket? _socket = null;
    private readonly List<Task<int>?> _tasks = [];
    private readonly object _gate = new();

    public void Connect(IPEndPoint endpoint)
    {
        lock (_gate)
        {
            Counter++;
            Cache[0] = _tasks.Count;
        }
    }

    public async Task<long> Wait(TimeProvider time)
    {
        await Task.Delay(1);
        return DateTime.UtcNow.Ticks + File.ReadAllBytes("/dev/null").Length + Random.Shared.Next() + (_socket?.Available ?? 0);
    }
}
