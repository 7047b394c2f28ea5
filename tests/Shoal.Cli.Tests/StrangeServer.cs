using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Shoal.Cli.Tests;

/// <summary>An HTTP server on loopback that gives the same answer to whatever it is asked, whether it can be or not.</summary>
internal sealed class StrangeServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly byte[] _answer;
    private readonly bool _isEndless;
    private readonly Task _serving;

    /// <summary>Server-sent events are followed by silence, all else by the end of the connection.</summary>
    public StrangeServer(string answer, string type = "application/json", string status = "200 OK")
    {
        _answer = Encoding.UTF8.GetBytes($"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nConnection: close\r\n\r\n{answer}");
        _isEndless = type == "text/event-stream";
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>HOST:PORT.</summary>
    public string Address => _listener.LocalEndpoint.ToString()!;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        List<Task> answers = [];
        try
        {
            while (true)
            {
                answers.Add(AnswerAsync(await _listener.AcceptSocketAsync(_stop.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(answers);
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        using var held = socket;
        await using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        try
        {
            while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 })
            {
                // The request does not matter.
            }

            await stream.WriteAsync(_answer, _stop.Token);
            await Task.Delay(_isEndless ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, _stop.Token);
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // Who asked is gone, or the test is over.
        }
    }
}
