using System.Net.Sockets;

namespace Shoal.Sockets.Tcp;

/// <summary>Socket errors as one line for the user.</summary>
internal static class SocketFailure
{
    public static string Describe(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.ConnectionReset => "connection reset by peer",
        SocketError.ConnectionAborted or SocketError.Shutdown => "connection broken: the peer has closed it",
        SocketError.TimedOut => "connection timed out",
        SocketError.HostUnreachable or SocketError.HostNotFound => "host unreachable",
        SocketError.NetworkUnreachable => "network unreachable",
        SocketError.NetworkDown => "network down",
        SocketError.AccessDenied => "not permitted to connect",
        SocketError.AddressNotAvailable => "the local address is not available",
        SocketError.AddressFamilyNotSupported => "the address family is not supported",
        SocketError.TooManyOpenSockets => "too many open files",
        SocketError.OperationAborted or SocketError.Interrupted => "connection closed",
        _ => $"connection failed: {error}",
    };
}
