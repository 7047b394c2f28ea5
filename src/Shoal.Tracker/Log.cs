using Microsoft.Extensions.Logging;

namespace Shoal.Tracker;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "tracker listens at {EndPoint}, HTTP and UDP")]
    public static partial void Listening(ILogger logger, string endPoint);

    [LoggerMessage(2, LogLevel.Information, "tracker has stopped")]
    public static partial void Stopped(ILogger logger);
}
