using System.Runtime.InteropServices;
using System.Threading.Channels;
using Shoal.Cli.LineEditing;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Connect;

/// <summary>
/// A prompt on a terminal: one command at a time, and while it runs Ctrl-C ends it and other keys wait. Ctrl-C at the prompt clears the line; a
/// second one leaves, and one more does not wait for the tracker to hear of it.
/// </summary>
internal sealed class PromptFront(RawTerminal terminal, PromptReporter reporter, History history)
{
    private const string Prompt = "shoal> ";
    private const int MostKeysWaiting = 4096;
    private const int MostChoicesShown = 60;
    private static readonly TimeSpan CompletionPatience = TimeSpan.FromSeconds(3);

    private readonly LineEditor _editor = new(history);
    private readonly Channel<Key> _keys = Channel.CreateBounded<Key>(MostKeysWaiting);
    private readonly Queue<Key> _waiting = new();

    /// <summary>Runs until the user leaves, the terminal is gone, or it is stopped; the session is over then, too.</summary>
    public async Task RunAsync(ConnectSession session, CancellationToken stop)
    {
        using var resized = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => reporter.Resize());
        new Thread(ReadKeys) { IsBackground = true, Name = "keys" }.Start();
        try
        {
            await PromptAsync(session, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // As if the user had left.
        }

        if (!session.IsLeaving)
        {
            reporter.EndLine($"{Prompt}{_editor.Text}");
        }

        HistoryFile.Write(history); // before what may be broken off
        await LeaveAsync(session);
    }

    private async Task PromptAsync(ConnectSession session, CancellationToken stop)
    {
        var completion = new Completion(session);
        reporter.Report(new NoteEvent("'help' lists the commands; Tab completes them, files and names"));
        var wasInterrupted = false;
        while (!session.IsLeaving)
        {
            reporter.ShowLine(Prompt, _editor);
            if (await NextKeyAsync(stop) is not { } key)
            {
                return;
            }

            var result = _editor.Handle(key);
            switch (result)
            {
                case EditResult.Submitted:
                    await SubmitAsync(session, stop);
                    break;
                case EditResult.CompletionWanted:
                    await CompleteAsync(completion, stop);
                    break;
                case EditResult.Interrupted when wasInterrupted:
                case EditResult.Ended:
                    return;
                case EditResult.Interrupted:
                    reporter.EndLine($"{Prompt}{_editor.Text}^C");
                    _editor.Set("");
                    reporter.Pass("(Ctrl-C once more leaves)", isError: false);
                    break;
                case EditResult.ClearScreen:
                    reporter.ClearScreen();
                    break;
                default:
                    break;
            }

            wasInterrupted = result == EditResult.Interrupted;
        }
    }

    private async Task SubmitAsync(ConnectSession session, CancellationToken stop)
    {
        var lines = _editor.Text.TrimEnd('\n').Split('\n');
        _editor.Set("");
        foreach (var line in lines)
        {
            if (session.IsLeaving)
            {
                return;
            }

            reporter.EndLine(Prompt + line);
            history.Add(line);
            using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var running = RunAsync(session, line, cancel.Token);
            if (await WatchKeysAsync(running, cancel))
            {
                return; // who breaks one off wants none of the others
            }
        }
    }

    private async Task RunAsync(ConnectSession session, string line, CancellationToken stop)
    {
        try
        {
            await session.RunAsync(line, stop);
        }
#pragma warning disable CA1031 // whatever it is: the next command may be another
        catch (Exception error)
#pragma warning restore CA1031
        {
            reporter.Pass(stop.IsCancellationRequested ? "Broken off" : App.Describe(error, stop).Text, isError: true);
        }
    }

    // Keys that come while something runs are for what comes next, but for Ctrl-C. True if that came.
    private async Task<bool> WatchKeysAsync(Task running, CancellationTokenSource cancel)
    {
        var isInterrupted = false;
        using var over = new CancellationTokenSource();
        var ended = running.ContinueWith(_ => over.Cancel(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            while (await _keys.Reader.WaitToReadAsync(over.Token))
            {
                while (_keys.Reader.TryRead(out var key))
                {
                    if (key.Kind == KeyKind.Interrupt)
                    {
                        isInterrupted = true;
                        _waiting.Clear();
                        await cancel.CancelAsync();
                    }
                    else if (_waiting.Count < MostKeysWaiting)
                    {
                        _waiting.Enqueue(key);
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }

        await running;
        await ended;
        return isInterrupted;
    }

    private async Task CompleteAsync(Completion completion, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(CompletionPatience);
        var cursor = _editor.Cursor;
        var asking = completion.CompleteAsync(_editor.Text[..cursor], patience.Token);
        await WatchKeysAsync(asking.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default), patience);
        try
        {
            if (await asking is { } found)
            {
                _editor.Replace(found.Start, cursor, found.With);
                if (found.Choices.Count > 0 && found.Start + found.With.Length == cursor)
                {
                    ShowChoices(found.Choices);
                }
            }
        }
        catch (Exception error) when (error is ShoalException or OperationCanceledException)
        {
            reporter.Pass(error is ShoalException ? error.Message : "the catalogue takes too long to say what there is", isError: true);
        }
    }

    private void ShowChoices(IReadOnlyList<string> choices)
    {
        var shown = choices.Take(MostChoicesShown).ToList();
        var width = Math.Max(1, shown.Max(choice => choice.Length) + 2);
        foreach (var row in shown.Chunk(Math.Max(1, (RawTerminal.Width - 1) / width)))
        {
            reporter.Pass(string.Concat(row.Select(choice => choice.PadRight(width))).TrimEnd(), isError: false);
        }

        if (choices.Count > MostChoicesShown)
        {
            reporter.Pass($"… and {choices.Count - MostChoicesShown} more", isError: false);
        }
    }

    private async Task LeaveAsync(ConnectSession session)
    {
        reporter.ShowLast("Leaving: transfers end, the tracker is told (Ctrl-C: now)");
        var leaving = session.DisposeAsync().AsTask();
        using var cancel = new CancellationTokenSource();
        using var now = cancel.Token.Register(() =>
        {
            reporter.Wipe();
            terminal.Dispose();
            Environment.Exit(ExitCode.Interrupted);
        });
        await WatchKeysAsync(leaving, cancel);
        reporter.Wipe();
    }

    private async Task<Key?> NextKeyAsync(CancellationToken stop)
    {
        if (_waiting.TryDequeue(out var waiting))
        {
            return waiting;
        }

        return await _keys.Reader.WaitToReadAsync(stop) && _keys.Reader.TryRead(out var key) ? key : null;
    }

    private void ReadKeys()
    {
        var decoder = new KeyDecoder();
        var buffer = new byte[4096];
        while (RawTerminal.Read(buffer) is > 0 and var length)
        {
            decoder.Add(buffer.AsSpan(0, length));
            while (decoder.TryRead(out var key))
            {
                // Who types is faster than we for no long; what is pasted waits.
                _keys.Writer.WriteAsync(key).AsTask().GetAwaiter().GetResult();
            }
        }

        _keys.Writer.TryComplete();
    }
}
