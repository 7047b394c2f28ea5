using System.Text;

namespace Shoal.Cli;

/// <summary>
/// Where the command writes. Results and progress go to <paramref name="Out"/>, errors to <paramref name="Error"/>;
/// only where <paramref name="IsTerminal"/> may anything but plain lines appear.
/// </summary>
internal sealed record Surface(TextWriter Out, TextWriter Error, bool IsTerminal)
{
    /// <summary>Opens what is read where a command is told <c>-</c>: the process's standard input, or nothing.</summary>
    public Func<TextReader> OpenInput { get; init; } = static () => TextReader.Null;

    /// <summary>Whether somebody types what is read there.</summary>
    public bool IsInputTerminal { get; init; }

    /// <summary>The process's own output; a terminal unless redirected or dumb.</summary>
    public static Surface OfProcess()
    {
        // Written as bytes of UTF-8 whatever the locale says: names of files come as they are.
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        return new Surface(
            new StreamWriter(OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : new DescriptorStream(1), utf8) { AutoFlush = true },
            TextWriter.Synchronized(new StreamWriter(OperatingSystem.IsWindows() ? Console.OpenStandardError() : new DescriptorStream(2), utf8) { AutoFlush = true }), // log lines come from any thread
            !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb"))
        {
            IsInputTerminal = !Console.IsInputRedirected,
            OpenInput = () => new StreamReader(Console.OpenStandardInput(), utf8),
        };
    }
}
