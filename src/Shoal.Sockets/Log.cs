using System.Net;
using Microsoft.Extensions.Logging;
using Shoal.Protocol;
using Shoal.Protocol.Dht;
using Shoal.Protocol.PortMapping;

namespace Shoal.Sockets;

/// <summary>What the transport tells of its listening sockets; links are told of by their host.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "listens for peers at {EndPoint}")]
    public static partial void Listening(ILogger logger, EndPoint endPoint);

    [LoggerMessage(2, LogLevel.Warning, "cannot accept connections for now: {Reason}")]
    public static partial void CannotAccept(ILogger logger, string reason);

    [LoggerMessage(3, LogLevel.Debug, "refused a connection: {Count} have not sent their handshake yet")]
    public static partial void TooManyHalfOpen(ILogger logger, int count);

    [LoggerMessage(4, LogLevel.Debug, "refused a connection: {Reason}")]
    public static partial void NotAgreed(ILogger logger, string? reason);

    [LoggerMessage(20, LogLevel.Information, "does not look for peers on the local network over {Family}: {Reason}")]
    public static partial void NoLocalDiscovery(ILogger logger, string family, string reason);

    [LoggerMessage(21, LogLevel.Debug, "the local network names {Address} for {InfoHash}")]
    public static partial void FoundLocally(ILogger logger, PeerAddress address, InfoHash infoHash);

    [LoggerMessage(5, LogLevel.Information, "the router lets {Transport} port {Port} in, at {External} ({Protocol})")]
    public static partial void PortMapped(ILogger logger, PortTransport transport, int port, PeerAddress external, string protocol);

    [LoggerMessage(6, LogLevel.Warning, "the router lets {Transport} port {Port} in no more, at {External}: {Reason}")]
    public static partial void PortLost(ILogger logger, PortTransport transport, int port, PeerAddress external, string reason);

    [LoggerMessage(7, LogLevel.Warning, "no port is mapped: {Reason}")]
    public static partial void PortNotMapped(ILogger logger, string reason);

    [LoggerMessage(30, LogLevel.Information, "takes part in the DHT at UDP port {Port}")]
    public static partial void JoinsDht(ILogger logger, int port);

    [LoggerMessage(31, LogLevel.Debug, "DHT: {Target}: {AnswerCount} of {QueryCount} nodes answered, {PeerCount} peers, announced to {AnnounceCount}")]
    public static partial void LookedUp(ILogger logger, NodeId target, int answerCount, int queryCount, int peerCount, int announceCount);

    [LoggerMessage(32, LogLevel.Information, "DHT: others see us at {Address}")]
    public static partial void SeenAt(ILogger logger, IPAddress address);

    [LoggerMessage(33, LogLevel.Warning, "DHT: cannot begin at {Host}: {Reason}")]
    public static partial void NoSuchBootstrap(ILogger logger, string host, string reason);

    [LoggerMessage(34, LogLevel.Warning, "DHT: what is known could not be kept: {Reason}")]
    public static partial void DhtNotKept(ILogger logger, string reason);
}
