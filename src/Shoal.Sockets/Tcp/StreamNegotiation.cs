using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Engine.Encryption;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Sockets.Tcp;

/// <summary>What came of agreeing with the other side: an agreement, or why there is none.</summary>
internal readonly record struct Negotiated(StreamAgreement? Agreement, string? Failure);

/// <summary>
/// Agrees with the other side of a fresh connection whether and how it is encrypted: the sockets around <see cref="StreamHandshake"/>.
/// Thread-safe.
/// </summary>
internal sealed class StreamNegotiation(EncryptionPolicy policy, TimeSpan timeout)
{
    /// <summary>Nothing is encrypted.</summary>
    public static StreamAgreement Clear { get; } = new(StreamMethods.Plain, null, null, default);

    // So little at once that a peer cannot make the handshake's machine hold more than it must.
    private const int ReadLength = 2048;

    private readonly ConcurrentDictionary<SwarmId, InfoHash> _torrents = new();
    private readonly ConcurrentDictionary<PieceHash, InfoHash> _byMark = new();

    /// <summary>The methods that go with the policy.</summary>
    private StreamMethods Methods => policy == EncryptionPolicy.Require ? StreamMethods.Rc4 : StreamMethods.Rc4 | StreamMethods.Plain;

    public void Know(SwarmId swarm, InfoHash infoHash)
    {
        _torrents[swarm] = infoHash;
        _byMark[StreamHandshake.MarkOf(infoHash)] = infoHash;
    }

    public void Forget(SwarmId swarm)
    {
        if (_torrents.TryRemove(swarm, out var infoHash))
        {
            _byMark.TryRemove(StreamHandshake.MarkOf(infoHash), out _);
        }
    }

    /// <summary>For the side that connected.</summary>
    public async Task<Negotiated> InitiateAsync(Socket socket, SwarmId swarm, CancellationToken cancellation) =>
        _torrents.TryGetValue(swarm, out var infoHash)
            ? await RunAsync(socket, StreamHandshake.Initiate(infoHash, Methods, Chance()), new byte[ReadLength], cancellation)
            : new Negotiated(null, "the torrent was removed meanwhile");

    /// <summary>For the side that was connected to: the first bytes tell whether the other encrypts.</summary>
    public async Task<Negotiated> AcceptAsync(Socket socket, CancellationToken cancellation)
    {
        var buffer = new byte[ReadLength];
        var length = 0;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            while (Handshake.CouldBegin(buffer.AsSpan(0, length)) && length < Handshake.PreambleLength)
            {
                var count = await socket.ReceiveAsync(buffer.AsMemory(length), limit.Token);
                if (count == 0)
                {
                    return new Negotiated(null, "the peer closed the connection");
                }

                length += count;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            return new Negotiated(null, Describe(exception));
        }

        if (Handshake.CouldBegin(buffer.AsSpan(0, length)))
        {
            return policy == EncryptionPolicy.Require
                ? new Negotiated(null, "the peer does not encrypt")
                : new Negotiated(Clear with { First = buffer.AsMemory(0, length) }, null);
        }

        var handshake = StreamHandshake.Respond(mark => _byMark.TryGetValue(mark, out var infoHash) ? infoHash : null, Methods, Chance());
        handshake.Receive(buffer.AsSpan(0, length));
        return await RunAsync(socket, handshake, buffer, cancellation);
    }

    private async Task<Negotiated> RunAsync(Socket socket, StreamHandshake handshake, byte[] buffer, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            while (true)
            {
                for (ReadOnlyMemory<byte> output = handshake.TakeOutput(); !output.IsEmpty;)
                {
                    output = output[await socket.SendAsync(output, limit.Token)..];
                }

                if (handshake.State != StreamHandshakeState.Waiting)
                {
                    return new Negotiated(handshake.Result, handshake.Failure);
                }

                var count = await socket.ReceiveAsync(buffer, limit.Token);
                if (count == 0)
                {
                    return new Negotiated(null, "the peer closed the connection during the handshake of the encryption");
                }

                handshake.Receive(buffer.AsSpan(0, count));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            return new Negotiated(null, Describe(exception));
        }
    }

    private string Describe(Exception exception) => exception is SocketException error
        ? SocketFailure.Describe(error.SocketErrorCode)
        : $"no handshake within {timeout.TotalSeconds} s";

    private static byte[] Chance() => RandomNumberGenerator.GetBytes(StreamHandshake.ChanceLength);
}
