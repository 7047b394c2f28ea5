using Microsoft.Extensions.Logging;
using Shoal.Protocol;

namespace Shoal.Runtime;

/// <summary>What the host tells of links and of its end. Nothing per message or block.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "link {Link} is being opened to {Address}")]
    public static partial void LinkOpening(ILogger logger, long link, PeerAddress address);

    [LoggerMessage(2, LogLevel.Debug, "link {Link} is open, with {Address}")]
    public static partial void LinkOpened(ILogger logger, long link, PeerAddress address);

    [LoggerMessage(3, LogLevel.Debug, "link {Link} is closed: {Reason}")]
    public static partial void LinkClosed(ILogger logger, long link, string reason);

    [LoggerMessage(4, LogLevel.Critical, "the host has stopped: an invariant of ours is broken")]
    public static partial void HostFailed(ILogger logger, Exception exception);
}
