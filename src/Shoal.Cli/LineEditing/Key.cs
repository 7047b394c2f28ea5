namespace Shoal.Cli.LineEditing;

/// <summary>What a key does to a line; by the keys that shells have for it.</summary>
internal enum KeyKind
{
    /// <summary>Characters that were typed.</summary>
    Text,

    /// <summary>Characters that were pasted, perhaps several lines.</summary>
    Paste,

    Enter,
    Tab,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,

    /// <summary>The line before, of those that were entered.</summary>
    Up,

    Down,
    Backspace,
    Delete,

    /// <summary>Ctrl-W: cuts the word before the cursor, as far as there are no blanks.</summary>
    CutWordBefore,

    /// <summary>Alt-D.</summary>
    CutWordBehind,

    /// <summary>Ctrl-U.</summary>
    CutBefore,

    /// <summary>Ctrl-K.</summary>
    CutBehind,

    /// <summary>Ctrl-Y: puts back what was cut last.</summary>
    Yank,

    /// <summary>Ctrl-L.</summary>
    ClearScreen,

    /// <summary>Ctrl-C.</summary>
    Interrupt,

    /// <summary>Ctrl-D: the end of input on an empty line, else as <see cref="Delete"/>.</summary>
    EndOfInput,

    /// <summary>A key that means nothing here.</summary>
    Unknown,
}

/// <summary>A key, and what was typed or pasted by it.</summary>
internal readonly record struct Key(KeyKind Kind, string Text = "");
