using System.Collections.Frozen;
using System.Text;

namespace Shoal.Protocol.Metadata;

/// <summary>What file names a platform cannot take, beyond what is refused everywhere.</summary>
[Flags]
public enum PathRules
{
    /// <summary>Only what is refused everywhere: Linux and the like.</summary>
    None = 0,

    /// <summary>Names that differ only in case are one file: macOS, Windows.</summary>
    IgnoreCase = 1,

    /// <summary>Windows' reserved names and characters, and names that end in a dot or a space.</summary>
    WindowsNames = 2,

    /// <summary>All that Windows asks.</summary>
    Windows = IgnoreCase | WindowsNames,
}

/// <summary>
/// Keeps a torrent inside its folder. Its paths come from strangers: whatever could lead out of the folder, or be read
/// differently on another machine, is refused <b>everywhere</b> (empty names, <c>.</c>, <c>..</c>, both slashes, control
/// characters, over-long names). What is only odd (<c>a:b</c>, <c>con.txt</c>, a trailing dot) is refused where
/// the platform cannot have such a file and left alone elsewhere, so that Linux machines share any folder they can name.
/// </summary>
public static class SafePath
{
    /// <summary>The longest name of a file or folder, in bytes of UTF-8: what common file systems allow.</summary>
    public const int MaximumNameBytes = 255;

    /// <summary>The longest path below the torrent's folder, in bytes of UTF-8: leaves room for the folder within Linux's 4,096.</summary>
    public const int MaximumPathBytes = 3072;

    private const string WindowsCharacters = "<>:\"|?*";

    private static readonly FrozenSet<string> WindowsDevices = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
    [
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$",
        "COM0", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "COM¹", "COM²", "COM³",
        "LPT0", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9", "LPT¹", "LPT²", "LPT³",
    ]);

    /// <summary>The rules of the platform that this runs on.</summary>
    public static PathRules Local { get; } =
        OperatingSystem.IsWindows() ? PathRules.Windows :
        OperatingSystem.IsMacOS() ? PathRules.IgnoreCase : PathRules.None;

    /// <summary>What is wrong with this as the name of one file or folder, in one line; null if it is safe.</summary>
    public static string? WhatIsWrongWith(string name, PathRules rules)
    {
        if (name.Length == 0)
        {
            return "an empty file name";
        }

        if (name is "." or "..")
        {
            return $"the file name '{name}' leads out of its folder";
        }

        foreach (var character in name)
        {
            if (character is '/' or '\\' || char.IsControl(character))
            {
                return $"the file name '{ForDisplay(name)}' contains {Describe(character)}";
            }
        }

        if (!IsWellFormed(name))
        {
            return $"the file name '{ForDisplay(name)}' is not valid Unicode";
        }

        if (Encoding.UTF8.GetByteCount(name) > MaximumNameBytes)
        {
            return $"the file name '{ForDisplay(name)}' is longer than {MaximumNameBytes} bytes";
        }

        return rules.HasFlag(PathRules.WindowsNames) ? WhatWindowsMinds(name) : null;
    }

    /// <summary>A name fit for an error's line: short, without control characters.</summary>
    public static string ForDisplay(string name)
    {
        const int Longest = 60;
        var text = new StringBuilder();
        foreach (var rune in name.EnumerateRunes())
        {
            if (text.Length >= Longest)
            {
                return text.Append('…').ToString();
            }

            text.Append(Rune.IsControl(rune) ? "\uFFFD" : rune.ToString());
        }

        return text.ToString();
    }

    private static string? WhatWindowsMinds(string name)
    {
        var odd = name.AsSpan().IndexOfAny(WindowsCharacters);
        if (odd >= 0)
        {
            return $"the file name '{ForDisplay(name)}' contains '{name[odd]}', which Windows cannot have";
        }

        if (name[^1] is '.' or ' ')
        {
            return $"the file name '{ForDisplay(name)}' ends in a {(name[^1] == '.' ? "dot" : "space")}, which Windows cannot have";
        }

        // "con .txt" is the console as well.
        var stem = name.Split('.', 2)[0].TrimEnd(' ');
        return WindowsDevices.Contains(stem) ? $"the file name '{ForDisplay(name)}' is a device on Windows" : null;
    }

    private static string Describe(char character) => character switch
    {
        '/' => "a slash",
        '\\' => "a backslash",
        '\0' => "a NUL",
        _ => $"the control character U+{(int)character:X4}",
    };

    private static bool IsWellFormed(string name)
    {
        for (var i = 0; i < name.Length; i++)
        {
            if (!char.IsSurrogate(name[i]))
            {
                continue;
            }

            if (i + 1 == name.Length || !char.IsSurrogatePair(name[i], name[i + 1]))
            {
                return false;
            }

            i++;
        }

        return true;
    }
}
