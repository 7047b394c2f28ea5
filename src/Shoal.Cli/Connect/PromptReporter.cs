using Shoal.Cli.LineEditing;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Connect;

/// <summary>
/// Shows what happens above the prompt, and what goes on in the line of status, while somebody types. Thread-safe: all that is drawn goes
/// through here.
/// </summary>
internal sealed class PromptReporter(Action<string> write, Func<int> widthOf) : Reporter
{
    private readonly Lock _gate = new();
    private readonly PromptView _view = new();
    private Foot _foot = new(null, null);
    private string? _status;
    private string? _hashing;

    public override TimeSpan ProgressInterval => TimeSpan.FromMilliseconds(500);

    public override void Report(Event happened)
    {
        lock (_gate)
        {
            switch (happened)
            {
                case HashingEvent hashing:
                    _hashing = hashing.Bytes < hashing.TotalBytes ? hashing.ToLine() : null;
                    ShowStatus();
                    break;
                case TransfersEvent transfers:
                    _status = transfers.Status;
                    ShowStatus();
                    break;
                case ProgressEvent or CheckingEvent or FetchingEvent:
                    break;
                default:
                    if (happened.ToLine() is { } lines)
                    {
                        Show(lines.Split('\n'));
                    }

                    break;
            }
        }
    }

    public override void Pass(string line, bool isError)
    {
        lock (_gate)
        {
            Show([line]);
        }
    }

    /// <summary>Lets the user type: shows prompt and line.</summary>
    public void ShowLine(string prompt, LineEditor editor)
    {
        lock (_gate)
        {
            Draw(_foot with { Prompt = prompt, Text = editor.Text, Cursor = editor.Cursor });
        }
    }

    /// <summary>What was typed stays above, and nothing can be typed.</summary>
    public void EndLine(string typed)
    {
        lock (_gate)
        {
            _foot = new Foot(_foot.Status, null);
            Show([typed]);
        }
    }

    /// <summary>Something other than what goes on is in the line of status, until the end.</summary>
    public void ShowLast(string status)
    {
        lock (_gate)
        {
            _hashing = status;
            _foot = new Foot(status, null);
            Show([]);
        }
    }

    /// <summary>Wipes what stands at the foot.</summary>
    public void Wipe()
    {
        lock (_gate)
        {
            (_hashing, _status) = (null, null);
            Draw(new Foot(null, null));
        }
    }

    public void Resize()
    {
        lock (_gate)
        {
            write(_view.Resize(widthOf()));
        }
    }

    public void ClearScreen()
    {
        lock (_gate)
        {
            write(_view.ClearScreen(widthOf()));
        }
    }

    private void ShowStatus() => Draw(_foot with { Status = _hashing is null || _status is null ? _hashing ?? _status : $"{_hashing} · {_status}" });

    private void Show(string[] lines) => write(_view.Show(lines, _foot, widthOf()));

    private void Draw(Foot foot)
    {
        _foot = foot;
        write(_view.Show(foot, widthOf()));
    }
}
