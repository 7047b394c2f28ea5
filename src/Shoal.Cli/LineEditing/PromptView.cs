using System.Globalization;
using System.Text;
using Spectre.Console.Rendering;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.LineEditing;

/// <summary>What stands at the foot of the terminal. Immutable.</summary>
/// <param name="Status">A line above the prompt, cut to the terminal's width; null for none.</param>
/// <param name="Prompt">What the line begins with; null where nothing can be typed.</param>
/// <param name="Text">The line.</param>
/// <param name="Cursor">Before which UTF-16 unit of it the cursor stands.</param>
internal sealed record Foot(string? Status, string? Prompt, string Text = "", int Cursor = 0);

/// <summary>
/// Draws a prompt, over as many rows as it takes, with a line of status above it, and lets lines pass above both. Writes nothing itself: gives
/// what is to be written, in one piece, for a terminal where LF only goes down. Invariant: it knows where the cursor stands
/// below the first row of what it drew. Not thread-safe.
/// </summary>
internal sealed class PromptView
{
    private Foot _foot = new(null, null);
    private int _statusCells;
    private int _cellsBeforeCursor;

    /// <summary>Lines above what stands at the foot, which is drawn anew.</summary>
    public string Show(IEnumerable<string> lines, Foot foot, int width)
    {
        var text = new StringBuilder(Erase(width));
        foreach (var line in lines)
        {
            text.Append(Printable.Of(line)).Append("\r\n");
        }

        _foot = foot;
        Draw(text, width);
        return text.ToString();
    }

    /// <summary>The same foot with other text in it.</summary>
    public string Show(Foot foot, int width) => foot == _foot ? "" : Show([], foot, width);

    /// <summary>Empties the screen, but for the foot.</summary>
    public string ClearScreen(int width)
    {
        var text = new StringBuilder("\u001b[H\u001b[2J");
        Draw(text, width);
        return text.ToString();
    }

    /// <summary>The terminal's width changed: it has broken its lines anew.</summary>
    public string Resize(int width) => Show([], _foot, width);

    // Most terminals keep lines whole when they become narrower, and break them.
    private string Erase(int width)
    {
        var up = (_statusCells == 0 ? 0 : ((_statusCells - 1) / width) + 1) + (_cellsBeforeCursor / width);
        return up > 0 ? $"\r\u001b[{up}A\u001b[J" : "\r\u001b[J";
    }

    private void Draw(StringBuilder text, int width)
    {
        (_statusCells, _cellsBeforeCursor) = (0, 0);
        if (_foot.Status is { } status)
        {
            var cut = Cut(Printable.Of(status), width - 1);
            _statusCells = Math.Max(1, CellsOf(cut));
            text.Append("\u001b[2m").Append(cut).Append("\u001b[0m\r\n");
        }

        if (_foot.Prompt is not { } prompt)
        {
            return;
        }

        text.Append(prompt);
        var (cells, cursorCells) = (CellsOf(prompt), CellsOf(prompt));
        for (var index = 0; index < _foot.Text.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(_foot.Text, index);
            var element = _foot.Text[index] == '\n' ? "⏎" : Printable.Of(_foot.Text.Substring(index, length));
            var elementCells = CellsOf(element);
            // What is two columns wide never stands in the last one.
            cells += elementCells > 1 && (cells % width) == width - 1 ? 1 : 0;
            cursorCells = index < _foot.Cursor ? cells + elementCells : cursorCells;
            text.Append(element);
            cells += elementCells;
            index += length;
        }

        if (cells > 0 && cells % width == 0)
        {
            text.Append("\r\n"); // the terminal itself waits for the next character to go there
        }

        var rows = (cells / width) - (cursorCells / width);
        text.Append(rows > 0 ? $"\u001b[{rows}A" : "").Append('\r').Append(cursorCells % width > 0 ? $"\u001b[{cursorCells % width}C" : "");
        _cellsBeforeCursor = cursorCells;
    }

    private static string Cut(string text, int width)
    {
        var cells = 0;
        for (var index = 0; index < text.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(text, index);
            cells += CellsOf(text.Substring(index, length));
            if (cells > width)
            {
                return text[..index];
            }

            index += length;
        }

        return text;
    }

    // A cluster of several code points is drawn in two columns at most.
    private static int CellsOf(string text)
    {
        var cells = 0;
        for (var index = 0; index < text.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(text, index);
            cells += text[index] < 0x7f && length == 1 ? 1 : Math.Clamp(new Segment(text.Substring(index, length)).CellCount(), 0, 2);
            index += length;
        }

        return cells;
    }
}
