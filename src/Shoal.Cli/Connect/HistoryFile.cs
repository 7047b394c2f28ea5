using Shoal.Cli.LineEditing;
using Shoal.Runtime.Storage;

namespace Shoal.Cli.Connect;

/// <summary>
/// The lines that were entered in earlier sessions, kept in the state folder. That it cannot be read or written costs no session anything.
/// </summary>
internal static class HistoryFile
{
    private const int MaximumLength = 4 << 20;

    private static string Location => Path.Combine(UploadBook.Folder, "history");

    public static History Read()
    {
        try
        {
            var file = new FileInfo(Location);
            return new History(file.Exists && file.Length <= MaximumLength ? File.ReadAllLines(Location).Select(line => line[..Math.Min(line.Length, LineEditor.MaximumLength)]) : []);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new History([]);
        }
    }

    public static void Write(History history)
    {
        try
        {
            Directory.CreateDirectory(UploadBook.Folder);
            Replacement.OfFile(Location, System.Text.Encoding.UTF8.GetBytes(string.Concat(history.Lines.Select(line => line + "\n"))));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StorageException)
        {
            // Then the next session begins without.
        }
    }
}
