using System.IO.Enumeration;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;

namespace Shoal;

/// <summary>Which files are wanted, and which pieces that makes. A piece at a border belongs to both its files.</summary>
internal static class FileSelection
{
    /// <summary>The wanted files: by the patterns; without any, those that the magnet link names; else all.</summary>
    /// <exception cref="ShoalException">A pattern matches no file, or the link names none that there is.</exception>
    public static IReadOnlyList<ContentFile> Select(Metainfo metainfo, AddOptions options)
    {
        var patterns = options.Select;
        if (patterns.Count == 0 && options.Files.Count > 0)
        {
            ContentFile[] named = [.. metainfo.Files.Where((file, index) => !file.IsPadding && options.Files.Any(files => files.Contains(index)))];
            return named.Length > 0 ? named : throw new ShoalException(
                ShoalErrorKind.BadInput, $"the magnet link means the files {string.Join(',', options.Files)} of '{metainfo.Name}', which has {metainfo.Files.Count}");
        }

        foreach (var pattern in patterns)
        {
            if (!metainfo.Files.Any(file => Matches(pattern, file)))
            {
                throw new ShoalException(ShoalErrorKind.BadInput, $"no file of '{metainfo.Name}' matches '{pattern}'");
            }
        }

        return patterns.Count == 0 ? metainfo.Files : [.. metainfo.Files.Where(file => patterns.Any(pattern => Matches(pattern, file)))];
    }

    /// <summary>The pieces that hold the files' bytes; null if that is all of them.</summary>
    public static Bitfield? PiecesOf(PieceLayout layout, IEnumerable<ContentFile> files)
    {
        var wanted = new Bitfield(layout.PieceCount);
        foreach (var file in files)
        {
            var pieces = layout.PiecesOf(file.Offset, file.Length);
            for (var piece = pieces.First.Value; piece < pieces.End; piece++)
            {
                wanted.Set(piece);
            }
        }

        return wanted.IsFull ? null : wanted;
    }

    /// <summary>The bytes of the pieces.</summary>
    public static long BytesOf(PieceLayout layout, Bitfield? pieces)
    {
        if (pieces is null)
        {
            return layout.TotalLength;
        }

        var bytes = 0L;
        for (var piece = pieces.NextSet(0); piece >= 0; piece = pieces.NextSet(piece + 1))
        {
            bytes += layout.LengthOf(new PieceIndex(piece));
        }

        return bytes;
    }

    // A '*' goes across folders, as people expect of `--select '*.mkv'`. Backslashes are escapes, and in no path.
    private static bool Matches(string pattern, ContentFile file) =>
        !file.IsPadding &&
        (FileSystemName.MatchesSimpleExpression(pattern, file.Path, ignoreCase: false) ||
         FileSystemName.MatchesSimpleExpression(pattern, file.Components[^1], ignoreCase: false));
}
