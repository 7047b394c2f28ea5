using Shoal.Cli.Reporting;

namespace Shoal.Cli.Connect;

/// <summary>
/// Runs commands that come as lines, one after the other, until they end or one says so. From a pipe, the first that fails is the end, as of
/// sftp's: what follows counts on it. One that begins with <c>-</c> may fail. From a terminal that can do no more, all may, and a prompt is shown.
/// </summary>
internal sealed class ScriptFront(ConnectSession session, Surface surface, string? prompt)
{
    private const int LongestLine = 64 * 1024;

    private readonly Reporter _reporter = session.Context.Reporter;

    /// <summary>Runs all, and gives the exit code: of the first that failed, if it is the end.</summary>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        using var input = surface.OpenInput();
        for (var number = 1; !session.IsLeaving; number++)
        {
            if (prompt is not null)
            {
                surface.Out.Write(prompt);
            }

            string? line;
            try
            {
                line = await Task.Run(() => ReadLine(input), CancellationToken.None).WaitAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return ExitCode.Ok; // nothing was under way: that is how it ends where nobody says exit
            }

            if (line is null)
            {
                return ExitCode.Ok;
            }

            var code = await RunAsync(line, number, stop);
            if (code != ExitCode.Ok)
            {
                return code;
            }
        }

        return ExitCode.Ok;
    }

    private async Task<int> RunAsync(string line, int number, CancellationToken stop)
    {
        var mayFail = line.AsSpan().TrimStart().StartsWith("-");
        var code = ExitCode.Ok;
        try
        {
            if (line.Length > LongestLine)
            {
                throw new UserErrorException($"it has more than {LongestLine} characters");
            }

            await session.RunAsync(mayFail ? line.TrimStart()[1..] : line, stop);
        }
#pragma warning disable CA1031 // whatever it is ends the script, politely, and is told as of any command
        catch (Exception error)
#pragma warning restore CA1031
        {
            (var text, code) = App.Describe(error, stop);
            text = prompt is null ? $"line {number}: {text}" : text;
            _reporter.Report(new ErrorEvent(text, code));
            surface.Error.WriteLine($"shoal: {text}");
        }

        if (!string.IsNullOrWhiteSpace(line))
        {
            _reporter.Report(new DoneEvent(number, code));
        }

        return stop.IsCancellationRequested ? ExitCode.Interrupted : mayFail || prompt is not null ? ExitCode.Ok : code;
    }

    // One that is too long comes as one that is one character too long.
    private static string? ReadLine(TextReader input)
    {
        var line = new System.Text.StringBuilder();
        while (true)
        {
            switch (input.Read())
            {
                case < 0:
                    return line.Length == 0 ? null : line.ToString();
                case '\n':
                    return line.ToString().TrimEnd('\r');
                case var character when line.Length <= LongestLine:
                    line.Append((char)character);
                    break;
                default:
                    break;
            }
        }
    }
}
