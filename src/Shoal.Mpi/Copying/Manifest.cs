using System.Text;

namespace Shoal.Mpi.Copying;

/// <summary>What an entry of a manifest is.</summary>
internal enum EntryKind : byte
{
    File = 1,
    Folder,
    Link,
}

/// <summary>One thing to copy.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Source">Of which source it is a part, by index.</param>
/// <param name="Path">Where it goes, below the destination: begins with the source's name, joined by '/'.</param>
/// <param name="Length">Bytes of a file.</param>
/// <param name="ModifiedNanoseconds">When it was modified: nanoseconds since 1970, UTC.</param>
/// <param name="Mode">Its permissions, as Unix has them.</param>
/// <param name="Target">Where a link leads.</param>
internal sealed record ManifestEntry(
    EntryKind Kind, int Source, string Path, long Length, long ModifiedNanoseconds, UnixFileMode Mode, string Target = "");

/// <summary>
/// All that is to be copied, folders before what is in them. One rank makes it, and gives it to the others.
/// </summary>
internal sealed record Manifest(IReadOnlyList<ManifestEntry> Entries)
{
    /// <summary>As bytes, for other ranks.</summary>
    public byte[] Encode()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(Entries.Count);
        foreach (var entry in Entries)
        {
            writer.Write((byte)entry.Kind);
            writer.Write(entry.Source);
            writer.Write(entry.Path);
            writer.Write(entry.Length);
            writer.Write(entry.ModifiedNanoseconds);
            writer.Write((int)entry.Mode);
            writer.Write(entry.Target);
        }

        writer.Flush();
        return bytes.ToArray();
    }

    /// <summary>What <see cref="Encode"/> wrote.</summary>
    public static Manifest Decode(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
        var entries = new ManifestEntry[reader.ReadInt32()];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = new ManifestEntry(
                (EntryKind)reader.ReadByte(), reader.ReadInt32(), reader.ReadString(), reader.ReadInt64(), reader.ReadInt64(),
                (UnixFileMode)reader.ReadInt32(), reader.ReadString());
        }

        return new Manifest(entries);
    }
}
