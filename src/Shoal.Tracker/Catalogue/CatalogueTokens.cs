using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Shoal.Protocol.Catalogue;
using Shoal.Runtime.Storage;

namespace Shoal.Tracker.Catalogue;

/// <summary>What a token lets its holder do.</summary>
[Flags]
[JsonConverter(typeof(JsonStringEnumConverter<CatalogueRights>))]
public enum CatalogueRights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>List and get, where not everybody may.</summary>
    Read = 1,

    /// <summary>Publish new names and versions.</summary>
    Publish = 2,

    /// <summary>Take names and versions out.</summary>
    Remove = 4,

    /// <summary>All of it.</summary>
    All = Read | Publish | Remove,
}

/// <summary>What is kept of a token: never the token itself.</summary>
/// <param name="Name">What it is called, in lists and beside what it published.</param>
/// <param name="Hash">SHA-256 of the token, in hexadecimal digits.</param>
/// <param name="Rights">What it allows.</param>
/// <param name="Pattern">The names that it is for; see <see cref="NamePattern"/>.</param>
/// <param name="CreatedAt">When it was made (UTC).</param>
public sealed record CatalogueToken(string Name, string Hash, CatalogueRights Rights, string Pattern, DateTimeOffset CreatedAt);

/// <summary>
/// The tokens of a catalogue: <c>tokens.json</c> in its folder, which may change while a tracker runs. Thread-safe; changes by several
/// programs at once are in order, for each holds a lock on the file beside.
/// </summary>
public sealed class CatalogueTokens(string folder)
{
    /// <summary>What every token begins with, so that it is known for what it is where it should not be.</summary>
    public const string Prefix = "shoal_";

    /// <summary>The longest name of a token, in characters.</summary>
    public const int MaximumNameLength = 64;

    /// <summary>The most tokens.</summary>
    public const int MaximumCount = 10_000;

    /// <summary>How old a file must be before its time tells whether it is another one.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly string _path = Path.Combine(folder, "tokens.json");
    private (DateTime Written, long Length) _seen;
    private Dictionary<string, (CatalogueToken Token, NamePattern Pattern)> _known = [];

    /// <summary>Whether there is a file of tokens; it stays when the last one is revoked.</summary>
    public bool Exist => File.Exists(_path);

    /// <summary>All tokens, in the order in which they were made.</summary>
    /// <exception cref="CatalogueException">The file cannot be read, or is none of tokens.</exception>
    public IReadOnlyList<CatalogueToken> List()
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

    /// <summary>Makes a token.</summary>
    /// <returns>The token itself, which is kept nowhere.</returns>
    /// <exception cref="CatalogueException">There is one of that name, there are too many, or the file cannot be written.</exception>
    /// <exception cref="ArgumentException">The name or the pattern is none.</exception>
    public string Create(string name, CatalogueRights rights, string pattern)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > MaximumNameLength || name.Any(char.IsControl))
        {
            throw new ArgumentException($"a token's name has 1 to {MaximumNameLength} characters, none of them a control character", nameof(name));
        }

        if (!NamePattern.TryParse(pattern, out _, out var wrong))
        {
            throw new ArgumentException(wrong, nameof(pattern));
        }

        var secret = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        Change(tokens =>
        {
            if (tokens.Exists(token => token.Name == name))
            {
                throw new CatalogueException($"there is a token '{name}' already");
            }

            if (tokens.Count >= MaximumCount)
            {
                throw new CatalogueException($"there are {MaximumCount} tokens already");
            }

            tokens.Add(new CatalogueToken(name, HashOf(secret), rights, pattern, DateTimeOffset.UtcNow));
        });
        return secret;
    }

    /// <summary>Revokes the token of that name; false if there is none.</summary>
    /// <exception cref="CatalogueException">The file cannot be read or written.</exception>
    public bool Revoke(string name)
    {
        var count = 0;
        Change(tokens => count = tokens.RemoveAll(token => token.Name == name));
        return count > 0;
    }

    /// <summary>What is known of the token, and the names that it is for; null if it is none. Sees what was created or revoked meanwhile.</summary>
    /// <exception cref="CatalogueException">The file cannot be read.</exception>
    internal (CatalogueToken Token, NamePattern Pattern)? Find(string secret)
    {
        lock (_gate)
        {
            var file = new FileInfo(_path);
            var seen = file.Exists ? (file.LastWriteTimeUtc, file.Length) : default;
            if (seen != _seen || seen == default)
            {
                _known = List()
                    .Select(token => (token, NamePattern.TryParse(token.Pattern, out var pattern, out _) ? pattern : null))
                    .Where(known => known.Item2 is not null)
                    .DistinctBy(known => known.token.Hash, StringComparer.OrdinalIgnoreCase)
                    .ToDictionary(known => known.token.Hash, known => (known.token, known.Item2!), StringComparer.OrdinalIgnoreCase);
                // A file that was just written may be written once more within the same tick of the clock, and be as long.
                _seen = DateTime.UtcNow - file.LastWriteTimeUtc < Settled ? default : seen;
            }

            return _known.TryGetValue(HashOf(secret), out var found) ? found : null;
        }
    }

    // The secret has 256 random bits: no salt or slow hash would make it harder to guess.
    private static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private void Change(Action<List<CatalogueToken>> change)
    {
        var temporary = $"{_path}.new";
        try
        {
            Directory.CreateDirectory(folder);
            using var held = WaitForLock();
            List<CatalogueToken> tokens = [.. List()];
            change(tokens);
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

    private FileStream WaitForLock()
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return new FileStream($"{_path}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < 1000)
            {
                Thread.Sleep(10); // another program changes them, which takes a moment
            }
        }
    }
}

/// <summary>How tokens are kept.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(List<CatalogueToken>))]
internal sealed partial class TokenJson : JsonSerializerContext;
