using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Engine.Encryption;

namespace Shoal.Sockets.Tcp;

/// <summary>Limits and addresses of a <see cref="TcpTransport"/>.</summary>
public sealed record TcpOptions
{
    /// <summary>The local address of outgoing connections; null: the system's choice.</summary>
    public IPAddress? BindAddress { get; init; }

    /// <summary>How long an outgoing connection may take to open. 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a closed link may take to send what is queued, and the peer to take it. 3 s.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Incoming connections that have not sent their handshake yet; beyond it new ones are closed at once. 512.</summary>
    public int MaximumHalfOpenCount { get; init; } = 512;

    /// <summary>Bytes of blocks on their way from disk to sockets, over all links. 32 MiB.</summary>
    public long MaximumUploadBufferBytes { get; init; } = 32L << 20;

    /// <summary>Bytes of blocks read and sent with one system call. 256 KiB: it stays in the second-level cache.</summary>
    public int UploadBatchBytes { get; init; } = 256 << 10;

    /// <summary>Bytes of control messages that may wait for a peer that does not read; beyond it the link is closed. 1 MiB.</summary>
    public int MaximumQueuedControlBytes { get; init; } = 1 << 20;

    /// <summary>The kernel's buffers in bytes for each socket; 0: it adapts them itself.</summary>
    public int SocketBufferBytes { get; init; }

    /// <summary>Whether links are encrypted (MSE/PE). Off.</summary>
    public EncryptionPolicy Encryption { get; init; }

    /// <summary>How long an encrypted link's handshake may take. 10 s.</summary>
    public TimeSpan EncryptionTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Is told where it listens, and when it cannot accept. Nobody.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
