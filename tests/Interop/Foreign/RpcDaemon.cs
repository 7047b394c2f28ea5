namespace Shoal.Interop.Foreign;

/// <summary>
/// What daemons have in common that are told and asked over HTTP: a process, a folder of its own, a port for
/// peers and one for the questions.
/// </summary>
internal sealed class RpcDaemon : IAsyncDisposable
{
    private readonly string _name;
    private ChildProcess? _process;

    public RpcDaemon(string name, string rpcPath)
    {
        _name = name;
        Rpc = new Uri($"http://127.0.0.1:{RpcPort}{rpcPath}");
    }

    public int PeerPort { get; } = FreePort.Next();

    public int RpcPort { get; } = FreePort.Next();

    /// <summary>Where questions are posted to.</summary>
    public Uri Rpc { get; }

    public ScratchFolder Folder { get; } = new();

    public HttpClient Http { get; } = NetworkThread.NewHttpClient();

    public int ProcessId => Process.Id;

    private ChildProcess Process => _process ?? throw new InvalidOperationException("not started");

    /// <summary>Starts the program; done when <paramref name="ask"/> is answered, which has no other sign.</summary>
    public async Task StartAsync(
        string program, IEnumerable<string> arguments, Func<CancellationToken, Task> ask, CancellationToken cancellation)
    {
        _process = ChildProcess.Start(_name, program, arguments, Folder.Path);
        await this.OnceReadyAsync(() => Process.UntilReadyAsync(IsAnsweringAsync, cancellation));

        async Task<bool> IsAnsweringAsync(CancellationToken limit)
        {
            try
            {
                await ask(limit);
                return true;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }
    }

    public string Describe() => Process.Describe();

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Http.Dispose();
        Folder.Dispose();
    }
}
