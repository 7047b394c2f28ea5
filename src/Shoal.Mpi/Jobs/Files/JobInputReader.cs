using System.Text;
using Shoal.Protocol;

namespace Shoal.Mpi.Jobs.Files;

/// <summary>
/// Reads <c>in&lt;R&gt;.txt</c>: tokens between white space, whatever the lines look like; line numbers are for errors.
/// <code>
/// &lt;owned count&gt;  { &lt;name&gt; &lt;segment count&gt;|auto  &lt;hash&gt;… }…  &lt;wanted count&gt;  &lt;name&gt;…
/// </code>
/// </summary>
public sealed class JobInputReader
{
    /// <summary>Bytes that a name may have: prefix and suffix added, it must do for a file name everywhere.</summary>
    public const int MaximumNameLength = 220;

    /// <summary>Behind a dot and a name, it makes the name that a file has until it is whole. No file of a job may be called so.</summary>
    public const string TemporarySuffix = ".shoal-part";

    /// <summary>Segments that a file may have: the pieces that a swarm may have.</summary>
    public const int MaximumSegmentCount = PieceLayout.MaximumPieceCount;

    /// <summary>Bytes that a hash may have.</summary>
    public const int MaximumHashLength = 4096;

    /// <summary>Bytes that the hashes of a file may have, each counted as long as the longest: they are held in memory.</summary>
    public const long MaximumHashBytes = 1L << 30;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly string _path;
    private readonly bool _allowsAuto;
    private readonly List<string> _warnings = [];
    private int _position;
    private int _line = 1;      // of the position
    private int _tokenLine = 1; // of the token that was read last

    private JobInputReader(string path, ReadOnlyMemory<byte> bytes, bool allowsAuto)
    {
        _path = path;
        _bytes = bytes.Span.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;
        _allowsAuto = allowsAuto;
    }

    /// <summary>The input file of a rank in a folder.</summary>
    public static string PathOf(string folder, int rank) => Path.Combine(folder, $"in{rank}.txt");

    /// <summary>Reads a rank's input from the folder.</summary>
    /// <param name="folder">Where the inputs are.</param>
    /// <param name="rank">Whose.</param>
    /// <param name="allowsAuto">Whether owned files are real ones, which may be cut and hashed by their rank.</param>
    /// <exception cref="JobException">It is missing, cannot be read, or is wrong.</exception>
    public static JobInput ReadFile(string folder, int rank, bool allowsAuto)
    {
        var path = PathOf(folder, rank);
        try
        {
            return Read(path, File.ReadAllBytes(path), allowsAuto);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new JobException($"{path}: there is no such file, and rank {rank} needs it");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new JobException($"{path}: cannot be read: {error.Message}");
        }
    }

    /// <summary>Reads an input.</summary>
    /// <param name="path">What errors call it.</param>
    /// <param name="bytes">The text.</param>
    /// <param name="allowsAuto">See <see cref="ReadFile"/>.</param>
    /// <exception cref="JobException">It is wrong.</exception>
    public static JobInput Read(string path, ReadOnlyMemory<byte> bytes, bool allowsAuto) =>
        new JobInputReader(path, bytes, allowsAuto).Read();

    private JobInput Read()
    {
        var owned = ReadOwned();
        var wanted = ReadWanted();
        if (TryNext(out _))
        {
            _warnings.Add($"{_path}:{_tokenLine}: all from here on is more than the counts say, and ignored");
        }

        return new JobInput { Path = _path, Owned = owned, Wanted = wanted, Warnings = _warnings };
    }

    private List<OwnedFile> ReadOwned()
    {
        var files = new List<OwnedFile>();
        var byName = new Dictionary<string, OwnedFile>(StringComparer.Ordinal);
        var count = ReadCount("the number of owned files", int.MaxValue);
        for (var i = 0; i < count; i++)
        {
            var name = ReadName($"the name of owned file {i + 1} of {count}");
            var line = _tokenLine;
            var file = ReadHashes(name, line);
            if (byName.TryAdd(name, file))
            {
                files.Add(file);
            }
            else if (Equals(byName[name].Hashes, file.Hashes))
            {
                _warnings.Add($"{_path}:{line}: '{name}' is owned as line {byName[name].Line} has it, and ignored here");
            }
            else
            {
                throw Wrong(line, $"'{name}' has other hashes than at line {byName[name].Line}");
            }
        }

        return files;
    }

    private OwnedFile ReadHashes(string name, int line)
    {
        var what = $"the segment count of '{name}'";
        var token = Next(what);
        if (token.Span.SequenceEqual("auto"u8))
        {
            return _allowsAuto
                ? new OwnedFile(name, line, null, [])
                : throw Wrong(_tokenLine, $"'{name} auto' is of real files, which need --data");
        }

        var count = ToCount(token, what, MaximumSegmentCount);
        var hashes = new List<ReadOnlyMemory<byte>>();
        var lines = new List<int>();
        for (var i = 0; i < count; i++)
        {
            if (!TryNext(out var hash))
            {
                throw Wrong(_line, $"'{name}' (line {line}) promises {count} hashes, and the file ends after {i}");
            }

            if (hash.Length > MaximumHashLength)
            {
                throw Wrong(_tokenLine, $"a hash of {hash.Length} bytes; at most {MaximumHashLength} are read");
            }

            hashes.Add(hash);
            if (_allowsAuto)
            {
                lines.Add(_tokenLine);
            }
        }

        var bytes = hashes.Count == 0 ? 0 : (long)hashes.Count * hashes.Max(hash => hash.Length);
        return bytes <= MaximumHashBytes ? new OwnedFile(name, line, SegmentHashes.From(hashes), lines)
            : throw Wrong(line, $"'{name}' has {hashes.Count} hashes, the longest of which makes them {bytes} bytes; at most {MaximumHashBytes} are taken for a file");
    }

    private List<WantedFile> ReadWanted()
    {
        var files = new List<WantedFile>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        var count = ReadCount("the number of wanted files", int.MaxValue);
        for (var i = 0; i < count; i++)
        {
            var name = ReadName($"the name of wanted file {i + 1} of {count}");
            if (lines.TryAdd(name, _tokenLine))
            {
                files.Add(new WantedFile(name, _tokenLine));
            }
            else
            {
                _warnings.Add($"{_path}:{_tokenLine}: '{name}' is wanted at line {lines[name]} already, and ignored here");
            }
        }

        return files;
    }

    private string ReadName(string what)
    {
        var token = Next(what);
        string name;
        try
        {
            name = Strict.GetString(token.Span);
        }
        catch (DecoderFallbackException)
        {
            throw Wrong(_tokenLine, $"{what} is not UTF-8");
        }

        if (token.Length > MaximumNameLength)
        {
            throw Wrong(_tokenLine, $"{what} has {token.Length} bytes; at most {MaximumNameLength} make a file name");
        }

        if (name.StartsWith('.') && name.EndsWith(TemporarySuffix, StringComparison.Ordinal))
        {
            throw Wrong(_tokenLine, $"{what} is '{Printable(name)}', as files are called that are not whole yet");
        }

        return name is "." or ".." || name.Contains('/') || name.Any(char.IsControl)
            ? throw Wrong(_tokenLine, $"{what} is '{Printable(name)}', which is no file name")
            : name;
    }

    private int ReadCount(string what, int maximum) => ToCount(Next(what), what, maximum);

    private int ToCount(ReadOnlyMemory<byte> token, string what, int maximum)
    {
        var text = Encoding.UTF8.GetString(token.Span);
        return text.Length > 0 && text.All(char.IsAsciiDigit)
            ? int.TryParse(text, out var count) && count <= maximum ? count : throw Wrong(_tokenLine, $"{what} is {Printable(text)}; at most {maximum} are taken")
            : throw Wrong(_tokenLine, $"{what} is '{Printable(text)}', which is no number (does an earlier count promise more, or fewer, lines than follow?)");
    }

    private ReadOnlyMemory<byte> Next(string what) =>
        TryNext(out var token) ? token : throw Wrong(_line, $"the file ends where {what} should stand");

    private bool TryNext(out ReadOnlyMemory<byte> token)
    {
        var span = _bytes.Span;
        var newLineAt = -1;
        while (_position < span.Length && IsSpace(span[_position]))
        {
            if (span[_position] == '\n')
            {
                _line++;
                newLineAt = _position;
            }

            _position++;
        }

        var start = _position;
        while (_position < span.Length && !IsSpace(span[_position]))
        {
            _position++;
        }

        token = _bytes[start.._position];
        if (token.IsEmpty && newLineAt >= 0)
        {
            // Empty lines at the end are nobody's fault: an error names the last line that has something.
            _line = Math.Max(_tokenLine, 1);
        }

        _tokenLine = _line;
        return !token.IsEmpty;
    }

    private JobException Wrong(int line, string what) => new($"{_path}:{line}: {what}");

    // As isspace of C has it, which is what scanf goes by.
    private static bool IsSpace(byte value) => value is (byte)' ' or >= (byte)'\t' and <= (byte)'\r';

    private static string Printable(string text)
    {
        var start = text.Length > 40 ? text[..40] + "…" : text;
        return string.Concat(start.Select(character => char.IsControl(character) ? '?' : character));
    }
}
