using System.Collections.Concurrent;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Shoal;

/// <summary>
/// A thread inside of a network namespace. Linux gives a namespace to a thread, so one thread runs the work and all its continuations:
/// the processes that it starts, and the sockets that it makes, belong to the namespace. What work does on other threads (after
/// <c>ConfigureAwait(false)</c>, say) does not.
/// </summary>
internal sealed class NetworkThread : SynchronizationContext, IDisposable
{
    private const int CloneNewNetwork = 0x40000000;
    private const nuint GetInterfaceFlags = 0x8913;
    private const nuint SetInterfaceFlags = 0x8914;
    private const int IsUp = 1;
    private const int InterfaceNameLength = 16;
    private const int InterfaceRequestLength = 40;

    private readonly BlockingCollection<(SendOrPostCallback Work, object? State)> _queue = [];

    private NetworkThread(Action enter)
    {
        var entered = new TaskCompletionSource();
        var thread = new Thread(() => Pump(enter, entered)) { IsBackground = true, Name = "network" };
        thread.Start();
        entered.Task.GetAwaiter().GetResult();
    }

    /// <summary>Whether the caller runs inside of one.</summary>
    public static bool IsHere => Current is NetworkThread;

    /// <summary>In a new namespace with nothing but a loopback interface, which is gone with the last who is in it.</summary>
    public static NetworkThread InNew() => new(Leave);

    /// <summary>In the namespace that <c>ip netns</c> knows by <paramref name="name"/>.</summary>
    public static NetworkThread In(string name) => new(() => Join(name));

    /// <summary>A client whose connections are made in the network where it is made, to its loopback address.</summary>
    public static HttpClient NewHttpClient() =>
        Current is NetworkThread here ? new(new SocketsHttpHandler { ConnectCallback = here.ConnectAsync }) : new();

    /// <summary>Runs <paramref name="work"/> inside.</summary>
    public Task<T> RunAsync<T>(Func<Task<T>> work)
    {
        var done = new TaskCompletionSource<Task<T>>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ => done.SetResult(Begin(work)), null);
        return done.Task.Unwrap();
    }

    /// <summary>Runs <paramref name="work"/> inside.</summary>
    public Task RunAsync(Func<Task> work) => RunAsync(async () =>
    {
        await work();
        return true;
    });

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (!_queue.IsAddingCompleted)
        {
            _queue.Add((d, state));
        }
    }

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Ends the thread when it has done what is queued.</summary>
    public void Dispose() => _queue.CompleteAdding();

    // What it throws at once is its task's, as what it throws later.
    private static async Task<T> Begin<T>(Func<Task<T>> work) => await work();

    private static void Leave()
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

    private static void Join(string name)
    {
        using var file = File.OpenHandle($"/run/netns/{name}");
        Check(setns((int)file.DangerousGetHandle(), CloneNewNetwork));
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    private void Pump(Action enter, TaskCompletionSource entered)
    {
        try
        {
            enter();
            entered.SetResult();
        }
        catch (Exception problem)
        {
            entered.SetException(problem);
            return;
        }

        SetSynchronizationContext(this);
        foreach (var (callback, state) in _queue.GetConsumingEnumerable())
        {
            callback(state);
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var made = new TaskCompletionSource<Socket>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ => made.SetResult(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }), null);
        var socket = await made.Task.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await socket.ConnectAsync(System.Net.IPAddress.Loopback, context.DnsEndPoint.Port, cancellation).ConfigureAwait(false);
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
    private static extern int setns(int descriptor, int kind);

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ioctl(int descriptor, nuint request, byte[] argument);
#pragma warning restore SYSLIB1054
}
