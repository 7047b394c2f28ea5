using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Shoal.Cli.LineEditing;

/// <summary>
/// The process's terminal in raw mode: keys come as they are pressed, Ctrl-C too, and nothing is drawn but what is written. As it was
/// again when disposed, or when the process ends. Not the platform's Console, which keeps no pastes together and reads lines only whole.
/// </summary>
internal sealed partial class RawTerminal : IDisposable
{
    private const int Interrupted = 4;
    private const int DefaultWidth = 80;

    // No struct termios of any platform is that large, and none is looked into.
    private const int SettingsLength = 512;
    private const int WhenWritten = 1; // TCSADRAIN

    private static readonly nuint GetWindowSize = OperatingSystem.IsMacOS() ? 0x40087468u : 0x5413u; // TIOCGWINSZ

    private readonly byte[] _settings;
    private readonly DescriptorStream _output = new(1);
    private readonly Lock _gate = new();
    private bool _isOpen = true;

    private RawTerminal(byte[] settings)
    {
        _settings = settings;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
        Write("\u001b[?2004h"); // pastes come between brackets
    }

    /// <summary>How many columns it has.</summary>
    public static int Width
    {
        get
        {
            using var output = new SafeFileHandle(1, ownsHandle: false);
            Span<ushort> size = stackalloc ushort[4]; // struct winsize: rows, columns, and both in pixels
            return Control(output, GetWindowSize, size) == 0 && size[1] > 0 ? size[1] : DefaultWidth;
        }
    }

    /// <summary>Takes it over; null where it cannot be had.</summary>
    public static RawTerminal? TryOpen()
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        var (settings, raw) = (new byte[SettingsLength], new byte[SettingsLength]);
        if (GetSettings(0, settings) != 0)
        {
            return null;
        }

        settings.CopyTo(raw, 0);
        MakeRaw(raw);
        return SetSettings(0, WhenWritten, raw) == 0 ? new RawTerminal(settings) : null;
    }

    /// <summary>Waits for keys; 0 when the terminal is gone.</summary>
    public static int Read(Span<byte> buffer)
    {
        while (true)
        {
            var length = (int)ReadFrom(0, buffer, buffer.Length);
            if (length >= 0 || Marshal.GetLastPInvokeError() != Interrupted)
            {
                return Math.Max(0, length);
            }
        }
    }

    /// <summary>Writes it in one piece; nowhere, when the terminal is gone.</summary>
    public void Write(string text)
    {
        try
        {
            if (text.Length > 0)
            {
                _output.Write(Encoding.UTF8.GetBytes(text));
            }
        }
        catch (IOException)
        {
            // Who closed it shall not keep the session from leaving politely.
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isOpen)
            {
                _isOpen = false;
                AppDomain.CurrentDomain.ProcessExit -= OnExit;
                Write("\u001b[?2004l");
                _ = SetSettings(0, WhenWritten, _settings);
            }
        }
    }

    private void OnExit(object? sender, EventArgs e) => Dispose();

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetSettings(int descriptor, Span<byte> settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetSettings(int descriptor, int when, ReadOnlySpan<byte> settings);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(Span<byte> settings);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFrom(int descriptor, Span<byte> buffer, nint length);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(SafeFileHandle terminal, nuint request, Span<ushort> size);
}
