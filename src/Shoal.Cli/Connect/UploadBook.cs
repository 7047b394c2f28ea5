using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Shoal.Protocol;
using Shoal.Runtime.Storage;

namespace Shoal.Cli.Connect;

/// <summary>Something that was uploaded to a tracker from here.</summary>
internal sealed record Upload(string Name, int Version, InfoHash InfoHash, string Path, int PieceLength);

/// <summary>What was uploaded to a tracker, oldest first, as it is kept.</summary>
internal sealed record UploadsState(int Format, string At, IReadOnlyList<Upload> Uploads);

/// <summary>How it is written.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(UploadsState))]
internal sealed partial class UploadsJson : JsonSerializerContext;

/// <summary>
/// What was uploaded to one tracker from this machine, so that it is seeded again the next time: a file for each tracker in <c>connect</c> of the
/// state folder, at most 1,000 uploads, replaced as a whole. Sessions that run at the same time change it one after the other. Thread-safe.
/// </summary>
internal sealed class UploadBook(string at)
{
    /// <summary>The most uploads; for a further one the oldest is forgotten.</summary>
    public const int MaximumCount = 1000;

    private const int Format = 1;
    private const int MaximumLength = 16 << 20;
    private const int LongestAddress = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly string _path = Path.Combine(Folder, NameFor(at) + ".json");

    /// <summary>Where sessions keep what they keep.</summary>
    public static string Folder => Path.Combine(ShoalOptions.DefaultStateDirectory, "connect");

    /// <summary>All of it, the oldest first. What cannot be read is none, and <paramref name="wrong"/> says why.</summary>
    public IReadOnlyList<Upload> Read(out string? wrong)
    {
        wrong = null;
        try
        {
            var file = new FileInfo(_path);
            if (!file.Exists)
            {
                return [];
            }

            var state = file.Length > MaximumLength ? null : JsonSerializer.Deserialize(File.ReadAllBytes(_path), UploadsJson.Default.UploadsState);
            if (state is { Format: Format, Uploads: { } uploads } && state.At == at)
            {
                return [.. uploads.Take(MaximumCount)];
            }

            wrong = $"'{_path}' is of another format";
        }
        catch (JsonException)
        {
            wrong = $"'{_path}' is damaged";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            wrong = $"cannot read '{_path}': {error.Message}";
        }

        return [];
    }

    /// <summary>Notes an upload, in the place of what was uploaded from the same path under the same name.</summary>
    /// <exception cref="StorageException">The disk fails.</exception>
    public void Add(Upload upload) => Change(uploads =>
        [.. uploads.Where(one => one.Name != upload.Name || one.Path != upload.Path).TakeLast(MaximumCount - 1), upload]);

    /// <summary>Forgets those that fit.</summary>
    /// <exception cref="StorageException">The disk fails.</exception>
    public void Remove(Predicate<Upload> fits)
    {
        if (Read(out _).Any(upload => fits(upload)))
        {
            Change(uploads => [.. uploads.Where(upload => !fits(upload))]);
        }
    }

    private void Change(Func<IReadOnlyList<Upload>, IReadOnlyList<Upload>> change)
    {
        try
        {
            Directory.CreateDirectory(Folder);
            using var alone = LockFile.Hold($"{_path}.lock", Patience);
            var state = new UploadsState(Format, at, change(Read(out _)));
            Replacement.OfFile(_path, JsonSerializer.SerializeToUtf8Bytes(state, UploadsJson.Default.UploadsState));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"cannot write '{_path}': {error.Message}", ExitCode.Environment, error);
        }
    }

    // A name that tells a person whose it is, as long as that is one.
    private static string NameFor(string at)
    {
        var name = Uri.EscapeDataString(at);
        return name.Length <= LongestAddress ? name : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(at)));
    }
}
