using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Shoal.Catalogue;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Commands;

/// <summary>
/// Runs the user's command for a version that is in its place. Its text is a shell's, in which <c>{path}</c> and <c>{name}</c> stand for words that
/// the shell takes as they are, whatever is in them: names come from a server, and nobody knows what they are like. Thread-safe.
/// </summary>
internal sealed class SubscribeHook(string command, Reporter reporter)
{
    private static readonly TimeSpan PatienceAtTheEnd = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PatienceForOutput = TimeSpan.FromSeconds(1);

    /// <summary>Runs it to its end. A stop gives it a few seconds.</summary>
    /// <exception cref="OperationCanceledException">It was stopped before its end.</exception>
    public async Task RunAsync(VersionInPlace version, CancellationToken stop)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", Expand(command)])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["SHOAL_PATH"] = version.Path;
        start.Environment["SHOAL_NAME"] = version.Name;
        start.Environment["SHOAL_VERSION"] = version.Version.ToString(CultureInfo.InvariantCulture);
        // What it starts may speak to catalogues by itself, but not by a token that it was not given.
        start.Environment.Remove(CatalogueArgument.TokenVariable);
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var output = Task.WhenAll(PassAsync(process.StandardOutput, isError: false), PassAsync(process.StandardError, isError: true));
            await EndAsync(process, stop);
            // What it left running may hold its output open for ever.
            await Task.WhenAny(output, Task.Delay(PatienceForOutput, CancellationToken.None));
            if (process.ExitCode != 0)
            {
                reporter.Report(new WarningEvent($"--exec for {version.Name}@{version.Version} ended with {process.ExitCode}"));
            }
        }
        catch (Win32Exception error)
        {
            reporter.Report(new WarningEvent($"--exec for {version.Name}@{version.Version} could not be started: {error.Message}"));
        }
    }

    /// <summary>
    /// The command with the placeholders as the shell's own variables, which are one word whether they stand free or in quotes of either kind. What
    /// is in them never becomes text that the shell reads: with quotes around it, a quoted word would be open to <c>$(…)</c> in a name.
    /// </summary>
    internal static string Expand(string command)
    {
        var expanded = new StringBuilder(command.Length);
        var quote = '\0';
        for (var i = 0; i < command.Length; i++)
        {
            var variable = Stands("{path}", i) ? "{SHOAL_PATH}" : Stands("{name}", i) ? "{SHOAL_NAME}" : null;
            if (variable is not null)
            {
                var put = quote switch { '"' => $"${variable}", '\'' => $"'\"${variable}\"'", _ => $"\"${variable}\"" };
                expanded.Append(put);
                i += "{path}".Length - 1;
                continue;
            }

            var character = command[i];
            expanded.Append(character);
            if (character == '\\' && quote != '\'' && i + 1 < command.Length && command[i + 1] is ('\\' or '"' or '\''))
            {
                expanded.Append(command[++i]);
            }
            else if (character is '"' or '\'' && (quote == '\0' || quote == character))
            {
                quote = quote == '\0' ? character : '\0';
            }
        }

        return expanded.ToString();

        bool Stands(string placeholder, int index) => command.AsSpan(index).StartsWith(placeholder, StringComparison.Ordinal);
    }

    private static async Task EndAsync(Process process, CancellationToken stop)
    {
        try
        {
            await process.WaitForExitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            using var patience = new CancellationTokenSource(PatienceAtTheEnd);
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }
        }
    }

    private async Task PassAsync(StreamReader lines, bool isError)
    {
        try
        {
            while (await lines.ReadLineAsync() is { } line)
            {
                reporter.Pass(line, isError);
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // Nobody reads us any more, or it was given up waiting for.
        }
    }
}
