using System.Collections.Concurrent;
using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Shoal.Interop.Foreign;

/// <summary>
/// A network namespace with nothing in it but 127.0.0.1: who runs inside reaches nobody outside, whatever it tries.
/// Linux gives a namespace to a thread, so one thread runs the work and all its continuations; the processes that it
/// starts, and the sockets that it makes, belong to the namespace, which is gone when the last of them is.
/// </summary>
internal sealed class PrivateNetwork : SynchronizationContext
{
    private const int CloneNewNetwork = 0x40000000;
    private const nuint GetInterfaceFlags = 0x8913;
    private const nuint SetInterfaceFlags = 0x8914;
    private const int IsUp = 1;
    private const int InterfaceNameLength = 16;
    private const int InterfaceRequestLength = 40;

    private static readonly Lazy<string?> Refusal = new(Try);

    private readonly BlockingCollection<(SendOrPostCallback Work, object? State)> _queue = [];

    private PrivateNetwork()
    {
    }

    /// <summary>Why this machine gives no such network; null when it does.</summary>
    public static string? WhyNot => Refusal.Value;

    /// <summary>Whether the caller runs inside of one.</summary>
    public static bool IsHere => Current is PrivateNetwork;

    /// <summary>Runs <paramref name="work"/> inside of a new network.</summary>
    public static Task RunAsync(Func<Task> work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                new PrivateNetwork().Pump(work);
                done.SetResult();
            }
            catch (Exception problem)
            {
                done.SetException(problem);
            }
        }) { IsBackground = true, Name = "private network" };
        thread.Start();
        return done.Task;
    }

    /// <summary>A client whose connections are made in the network where it is made.</summary>
    public static HttpClient NewHttpClient() =>
        Current is PrivateNetwork here ? new(new SocketsHttpHandler { ConnectCallback = here.ConnectAsync }) : new();

    public override void Post(SendOrPostCallback d, object? state) => _queue.Add((d, state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();

    public override SynchronizationContext CreateCopy() => this;

    private static string? Try()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "a network of one's own needs Linux";
        }

        try
        {
            RunAsync(static () => Task.CompletedTask).GetAwaiter().GetResult();
            return null;
        }
        catch (Win32Exception problem)
        {
            return $"no network of one's own can be made here (it takes root): {problem.Message}";
        }
    }

    private static void Enter()
    {
        Check(unshare(CloneNewNetwork));
        // What `ip link set lo up` does, without the need for that program.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var request = new byte[InterfaceRequestLength];
        "lo"u8.CopyTo(request);
        Check(ioctl((int)socket.Handle, GetInterfaceFlags, request));
        request[InterfaceNameLength] |= IsUp;
        Check(ioctl((int)socket.Handle, SetInterfaceFlags, request));
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    private void Pump(Func<Task> work)
    {
        SetSynchronizationContext(this);
        var task = work();
        _ = task.ContinueWith(_ => _queue.CompleteAdding(), TaskScheduler.Default);
        foreach (var (callback, state) in _queue.GetConsumingEnumerable())
        {
            callback(state);
        }

        task.GetAwaiter().GetResult();
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var made = new TaskCompletionSource<Socket>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ => made.SetResult(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }), null);
        var socket = await made.Task.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

#pragma warning disable SYSLIB1054 // a source-generated import would ask for unsafe code in a test project
    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int unshare(int flags);

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ioctl(int descriptor, nuint request, byte[] argument);
#pragma warning restore SYSLIB1054
}
