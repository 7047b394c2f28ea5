namespace Shoal.Interop.Foreign;

/// <summary>A folder of one's own under the system's temporary folder, deleted with all its content when disposed.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public ScratchFolder(string? parent = null)
    {
        Path = System.IO.Path.Combine(parent ?? System.IO.Path.GetTempPath(), "shoal-" + Guid.NewGuid().ToString("N")[..12]);
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    /// <summary>A new folder inside.</summary>
    public string Folder(string name) => Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A program that is just ending may still create a file; the system clears its temporary folder.
        }
    }
}
