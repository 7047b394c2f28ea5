using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Sockets.Trackers;

/// <summary>
/// Announces and scrapes by UDP (BEP 15, 41): connect, then ask, each sent again after 15·2ⁿ s while no answer comes, until
/// the caller cancels or 8 repetitions are through. Answers count only from the tracker's address, with our random
/// transaction id. One socket for each exchange, of the family of the tracker's address; the first address of the name
/// that answers to sending is taken. Thread-safe.
/// </summary>
public sealed class UdpTrackerClient
{
    private const int MaximumRepetitions = 8;
    private const int MaximumErrorCount = 5;

    private readonly IPAddress? _bindAddress;
    private readonly TimeSpan _firstTimeout;

    /// <summary>A client whose packets come from an address of this machine, if one is given. The first time-out is 15 s by BEP 15.</summary>
    public UdpTrackerClient(IPAddress? bindAddress = null, TimeSpan? firstTimeout = null)
    {
        _bindAddress = bindAddress;
        _firstTimeout = firstTimeout ?? TimeSpan.FromSeconds(15);
    }

    /// <summary>Announces.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<AnnounceReply> AnnounceAsync(Uri tracker, AnnounceRequest request, CancellationToken cancellationToken = default)
    {
        var reply = default(AnnounceReply);
        var urlData = tracker.PathAndQuery is "" or "/" ? [] : Encoding.ASCII.GetBytes(tracker.PathAndQuery);
        var failure = await ExchangeAsync(
            tracker,
            (packet, connectionId, transactionId) => UdpTrackerCodec.WriteAnnounceRequest(packet, connectionId, transactionId, request, urlData),
            (packet, isIPv6) => UdpTrackerCodec.TryReadAnnounceReply(packet, isIPv6, out reply),
            cancellationToken);
        return failure is not null ? new AnnounceReply { Failure = failure } : reply!;
    }

    /// <summary>Asks for the counts of up to 74 swarms.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<ScrapeReply> ScrapeAsync(Uri tracker, IReadOnlyList<InfoHash> infoHashes, CancellationToken cancellationToken = default)
    {
        var asked = infoHashes.ToArray();
        var reply = default(ScrapeReply);
        var failure = await ExchangeAsync(
            tracker,
            (packet, connectionId, transactionId) => UdpTrackerCodec.WriteScrapeRequest(packet, connectionId, transactionId, asked),
            (packet, _) => UdpTrackerCodec.TryReadScrapeReply(packet, asked, out reply),
            cancellationToken);
        return failure is not null ? new ScrapeReply { Failure = failure } : reply!;
    }

    private delegate int Write(Span<byte> packet, ulong connectionId, uint transactionId);

    private delegate bool Read(ReadOnlySpan<byte> packet, bool isIPv6);

    private async Task<TrackerFailure?> ExchangeAsync(Uri tracker, Write write, Read read, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = await OpenAsync(tracker, cancellationToken);
            var isIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
            return await TalkAsync(socket, tracker, packet => read(packet.Span, isIPv6), write, cancellationToken);
        }
        catch (SocketException e)
        {
            var reason = e.SocketErrorCode switch
            {
                SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData => "the name cannot be resolved",
                SocketError.ConnectionRefused => "nobody listens at that port",
                _ => e.Message,
            };
            return new TrackerFailure($"tracker {tracker}: {reason}", IsTemporary: true);
        }
    }

    // A connected socket: the system drops what comes from elsewhere, and tells when nobody listens.
    private async Task<Socket> OpenAsync(Uri tracker, CancellationToken cancellationToken)
    {
        if (tracker.Port is <= 0 or > ushort.MaxValue)
        {
            throw new SocketException((int)SocketError.ConnectionRefused);
        }

        var family = _bindAddress?.AddressFamily ?? AddressFamily.Unspecified;
        SocketException? last = null;
        foreach (var address in await Dns.GetHostAddressesAsync(tracker.IdnHost, family, cancellationToken))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                if (_bindAddress is not null)
                {
                    socket.Bind(new IPEndPoint(_bindAddress, 0));
                }

                await socket.ConnectAsync(new IPEndPoint(address, tracker.Port), cancellationToken);
                return socket;
            }
            catch (SocketException e)
            {
                socket.Dispose();
                last = e;
            }
        }

        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }

    // BEP 15's state machine: a connection id is good for a minute, so a repetition that comes later connects anew.
    private async Task<TrackerFailure?> TalkAsync(
        Socket socket, Uri tracker, Func<ReadOnlyMemory<byte>, bool> read, Write write, CancellationToken cancellationToken)
    {
        var packet = new byte[UdpTrackerCodec.MaximumPacketLength];
        ulong? connectionId = null;
        var connectedAt = 0L;
        for (var repetition = 0; repetition <= MaximumRepetitions;)
        {
            if (connectionId is not null && TimeProvider.System.GetElapsedTime(connectedAt) > TimeSpan.FromSeconds(60))
            {
                connectionId = null;
            }

            var transactionId = (uint)RandomNumberGenerator.GetInt32(int.MinValue, int.MaxValue);
            var length = connectionId is { } id ? write(packet, id, transactionId) : UdpTrackerCodec.WriteConnectRequest(packet, transactionId);
            var answer = await AskAsync(socket, packet, length, transactionId, _firstTimeout * (1 << repetition), cancellationToken);
            if (answer.IsEmpty)
            {
                repetition++;
            }
            else if (UdpTrackerCodec.TryReadError(answer.Span, out var error))
            {
                return new TrackerFailure($"tracker {tracker} refused: {error}");
            }
            else if (connectionId is not null)
            {
                return read(answer) ? null : new TrackerFailure($"tracker {tracker} answered with something else than was asked for");
            }
            else if (UdpTrackerCodec.TryReadConnectReply(answer.Span, out var given))
            {
                connectionId = given;
                connectedAt = TimeProvider.System.GetTimestamp();
            }
            else
            {
                return new TrackerFailure($"tracker {tracker} answered a connect with something else");
            }
        }

        return new TrackerFailure($"tracker {tracker} did not answer", IsTemporary: true);
    }

    // Empty when no answer came in time.
    private static async Task<ReadOnlyMemory<byte>> AskAsync(
        Socket socket, byte[] packet, int length, uint transactionId, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        var errors = 0;
        await socket.SendAsync(packet.AsMemory(0, length), SocketFlags.None, deadline.Token);
        while (true)
        {
            try
            {
                var count = await socket.ReceiveAsync(packet, SocketFlags.None, deadline.Token);
                if (UdpTrackerCodec.TryReadReplyHeader(packet.AsSpan(0, count), out _, out var answered) && answered == transactionId)
                {
                    return packet.AsMemory(0, count);
                }
            }
            catch (SocketException e) when (e.SocketErrorCode != SocketError.ConnectionRefused && ++errors < MaximumErrorCount)
            {
                // A packet too long for us is not the answer.
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return default;
            }
        }
    }
}
