using Microsoft.Extensions.Logging;

namespace Shoal.Tracker;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "tracker listens at {EndPoint}, HTTP and UDP")]
    public static partial void Listening(ILogger logger, string endPoint);

    [LoggerMessage(2, LogLevel.Information, "tracker has stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(3, LogLevel.Warning, "the catalogue's journal ended within a line: {Length} bytes that were never acknowledged are gone")]
    public static partial void JournalTorn(ILogger logger, long length);

    [LoggerMessage(4, LogLevel.Information, "the catalogue's journal is rewritten: {LineCount} lines")]
    public static partial void JournalRewritten(ILogger logger, long lineCount);

    [LoggerMessage(5, LogLevel.Error, "{Reason}")]
    public static partial void CatalogueFailed(ILogger logger, string reason);

    [LoggerMessage(20, LogLevel.Warning, "{Reason}; the catalogue is read from memory meanwhile")]
    public static partial void DatabaseAway(ILogger logger, string reason);

    [LoggerMessage(21, LogLevel.Information, "{Database} is there again")]
    public static partial void DatabaseBack(ILogger logger, string database);
    [LoggerMessage(22, LogLevel.Information, "the certificate in {Path} is in use, until {NotAfter:u}")]
    public static partial void CertificateLoaded(ILogger logger, string path, DateTime notAfter);

    [LoggerMessage(23, LogLevel.Warning, "the certificate of before stays in use: {Reason}")]
    public static partial void CertificateKept(ILogger logger, string reason);
}
