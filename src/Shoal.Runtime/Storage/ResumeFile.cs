using System.Security.Cryptography;
using System.Text;
using Shoal.Engine.Resume;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>
/// Where the resume data of one torrent in one folder is kept: not in the user's folder but in a state folder, under a name made of
/// the info-hash and the content's place, so that two copies of a torrent do not share one record. Invariant: a reader finds
/// the old record or the new one, whole, whenever the power goes. One writer at a time.
/// </summary>
public sealed class ResumeFile
{
    /// <summary>The longest record read: more than any within our limits of pieces and files.</summary>
    private const long MaximumLength = 256L * 1024 * 1024;

    private readonly string _directory;
    private readonly InfoHash _infoHash;

    /// <summary>The record in <paramref name="directory"/> of the torrent whose content lies below <paramref name="root"/>.</summary>
    public ResumeFile(string directory, InfoHash infoHash, string root)
    {
        _directory = System.IO.Path.GetFullPath(directory);
        _infoHash = infoHash;
        var place = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(root));
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(place)).AsSpan(0, 8));
        Path = System.IO.Path.Combine(_directory, $"{infoHash}-{hash}.resume");
    }

    /// <summary>The file's absolute path.</summary>
    public string Path { get; }

    /// <summary>
    /// Reads the record; null where there is none of use. Then <paramref name="reason"/> says in one line why it was
    /// passed over, or is null if there simply is none.
    /// </summary>
    public ResumeData? Load(out string? reason)
    {
        try
        {
            reason = null;
            var file = new FileInfo(Path);
            if (!file.Exists)
            {
                return null;
            }

            if (file.Length > MaximumLength)
            {
                reason = $"'{Path}' is not used: it is too long";
                return null;
            }

            if (!ResumeCodec.TryDecode(File.ReadAllBytes(Path), out var data, out var wrong))
            {
                reason = $"'{Path}' is not used: {wrong}";
                return null;
            }

            reason = data.InfoHash == _infoHash ? null : $"'{Path}' is not used: it is of another torrent";
            return reason is null ? data : null;
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            reason = StorageException.From(error, "read", Path).Message;
            return null;
        }
    }

    /// <summary>Replaces the record, durably.</summary>
    /// <exception cref="StorageException">It cannot be written; the old record stands.</exception>
    public void Save(ResumeData data)
    {
        var temporary = Path + ".new";
        try
        {
            Directory.CreateDirectory(_directory);
            using (var handle = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write))
            {
                RandomAccess.Write(handle, ResumeCodec.Encode(data), 0);
                RandomAccess.FlushToDisk(handle);
            }

            File.Move(temporary, Path, overwrite: true);
            ContentFolder.SyncFolder(_directory);
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "write", Path);
        }
    }

    /// <summary>Forgets the record.</summary>
    public void Delete()
    {
        try
        {
            File.Delete(Path);
        }
        catch (DirectoryNotFoundException)
        {
            // Then there is no record either.
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            throw StorageException.From(error, "delete", Path);
        }
    }
}
