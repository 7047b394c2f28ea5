using System.Text.Json;
using System.Text.Json.Serialization;
using Shoal.Runtime.Storage;

namespace Shoal.Tracker.Catalogue;

/// <summary>Where tokens are kept. Thread-safe. What fails is a <see cref="CatalogueException"/>.</summary>
internal interface ITokenStore
{
    /// <summary>Whether there ever was a token.</summary>
    bool Exist { get; }

    /// <summary>Whether they may be out of reach for a while, in which case those last known count.</summary>
    bool IsRemote { get; }

    /// <summary>Differs when the tokens do; the default if that cannot be told just now.</summary>
    (long, long) Stamp { get; }

    /// <summary>All of them, in the order in which they were made.</summary>
    List<CatalogueToken> Read();

    /// <summary>Lets nobody else change them meanwhile, and keeps what was changed, if the answer is yes.</summary>
    void Change(Func<List<CatalogueToken>, bool> change);
}

/// <summary>
/// The tokens in a folder, <c>tokens.json</c>. Thread-safe; changes by several programs at once are in order, for each holds a lock on the file
/// beside.
/// </summary>
internal sealed class TokenFile(string folder) : ITokenStore
{
    /// <summary>How long to wait for another program, which takes a moment.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How old a file must be before its time tells whether it is another one.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    private readonly string _path = Path.Combine(folder, "tokens.json");

    public bool IsRemote => false;

    // The file stays when the last one is revoked.
    public bool Exist => File.Exists(_path);

    // A file that was just written may be written once more within the same tick of the clock, and be as long.
    public (long, long) Stamp => new FileInfo(_path) is { Exists: true } file && DateTime.UtcNow - file.LastWriteTimeUtc >= Settled
        ? (file.LastWriteTimeUtc.Ticks, file.Length) : default;

    public List<CatalogueToken> Read()
    {
        try
        {
            var tokens = File.Exists(_path) ? JsonSerializer.Deserialize(File.ReadAllBytes(_path), TokenJson.Default.ListCatalogueToken) ?? [] : [];
            return tokens.Exists(static token => token is null or { Name: null } or { Hash: null } or { Pattern: null })
                ? throw new JsonException("a token lacks its name, hash or pattern") : tokens;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CatalogueException($"cannot read the tokens in '{_path}': {error.Message}", error);
        }
    }

    public void Change(Func<List<CatalogueToken>, bool> change)
    {
        var temporary = $"{_path}.new";
        try
        {
            Directory.CreateDirectory(folder);
            using var held = LockFile.Hold($"{_path}.lock", Patience);
            var tokens = Read();
            if (!change(tokens))
            {
                return;
            }

            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                if (!OperatingSystem.IsWindows())
                {
                    File.SetUnixFileMode(temporary, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                }

                JsonSerializer.Serialize(file, tokens, TokenJson.Default.ListCatalogueToken);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, _path, overwrite: true);
            ContentFolder.SyncFolder(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StorageException)
        {
            throw new CatalogueException($"cannot write the tokens in '{_path}': {error.Message}", error);
        }
    }
}

/// <summary>How tokens are kept.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(List<CatalogueToken>))]
internal sealed partial class TokenJson : JsonSerializerContext;
