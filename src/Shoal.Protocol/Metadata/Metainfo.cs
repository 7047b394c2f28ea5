namespace Shoal.Protocol.Metadata;

/// <summary>What is special about a file (BEP 47).</summary>
[Flags]
public enum ContentAttributes : byte
{
    None = 0,

    /// <summary>Only fills up a piece: it has zero bytes and is never stored (<c>p</c>).</summary>
    Padding = 1,

    /// <summary>May be run (<c>x</c>).</summary>
    Executable = 2,

    /// <summary>Hidden (<c>h</c>).</summary>
    Hidden = 4,

    /// <summary>
    /// Was a symbolic link (<c>l</c>). Its target is not kept, since it could lead anywhere: it is an empty file to us.
    /// </summary>
    Symlink = 8,
}

/// <summary>
/// One file of a torrent's content. Immutable.
/// </summary>
/// <param name="Path">
/// Its safe path (<see cref="SafePath"/>), components joined by '/'. In a folder it begins below the folder's name;
/// a lone file's path is its name.
/// </param>
/// <param name="Length">Bytes.</param>
/// <param name="Offset">Where it begins in the content, in bytes.</param>
/// <param name="Attributes">What is special about it.</param>
public sealed record ContentFile(string Path, long Length, long Offset, ContentAttributes Attributes = ContentAttributes.None)
{
    /// <summary>Whether it is only filling, not to be stored or shown (BEP 47).</summary>
    public bool IsPadding => Attributes.HasFlag(ContentAttributes.Padding);

    /// <summary>Whether it may be run.</summary>
    public bool IsExecutable => Attributes.HasFlag(ContentAttributes.Executable);

    /// <summary>Whether it was a symbolic link; always of length 0.</summary>
    public bool IsSymlink => Attributes.HasFlag(ContentAttributes.Symlink);

    /// <summary>The path's components, at least one.</summary>
    public string[] Components => Path.Split('/');
}

/// <summary>
/// What a .torrent says (BEP 3, 5, 12, 19, 27, 47): read by <see cref="MetainfoReader"/>, made by
/// <see cref="MetainfoBuilder"/>, and valid by that: paths are safe, the hashes match the layout, the files fill it.
/// Of a hybrid torrent this is the v1 part (BEP 52). Immutable, so thread-safe.
/// </summary>
public sealed class Metainfo
{
    internal Metainfo()
    {
    }

    /// <summary>The SHA-1 of <see cref="InfoBytes"/>.</summary>
    public required InfoHash InfoHash { get; init; }

    /// <summary>The name of the file or of the folder: one safe path component.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the files stand in a folder called <see cref="Name"/>; else there is one file of that name.</summary>
    public required bool IsFolder { get; init; }

    /// <summary>How the content is cut into pieces.</summary>
    public required PieceLayout Layout { get; init; }

    /// <summary>The files in the order of the content, padding among them.</summary>
    public required IReadOnlyList<ContentFile> Files { get; init; }

    /// <summary>The SHA-1 hashes of all pieces, 20 bytes each.</summary>
    public required ReadOnlyMemory<byte> PieceHashes { get; init; }

    /// <summary>Whether peers may be had from the torrent's trackers only (BEP 27).</summary>
    public required bool IsPrivate { get; init; }

    /// <summary>Whether it has a v2 part as well (BEP 52), which is not read yet.</summary>
    public required bool IsHybrid { get; init; }

    /// <summary>The exact bytes of the info dictionary: what is hashed, and what peers ask for (BEP 9).</summary>
    public required ReadOnlyMemory<byte> InfoBytes { get; init; }

    /// <summary>The sealed header of a secret share; empty if it is none.</summary>
    public ReadOnlyMemory<byte> SealedHeader { get; init; }

    /// <summary>Whether the content is sealed (docs/secret-shares.md), and these files are not what somebody with the key reads.</summary>
    public bool IsSealed => !SealedHeader.IsEmpty;

    /// <summary>The tracker URLs in tiers (BEP 12), as they stood there; no tier is empty.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Trackers { get; init; } = [];

    /// <summary>The URLs of web seeds (BEP 19).</summary>
    public IReadOnlyList<string> WebSeeds { get; init; } = [];

    /// <summary>Where to begin in the DHT (BEP 5, "nodes"): hosts and UDP ports. They count for nothing in a private torrent.</summary>
    public IReadOnlyList<MagnetPeer> Nodes { get; init; } = [];

    /// <summary>
    /// Whether who has the .torrent may look for it in the DHT, where strangers learn of it. Unless it says so in a key of ours beside the info
    /// dictionary, <c>x.dht</c>, as <see cref="MagnetLink.MayUseDht"/> has it.
    /// </summary>
    public bool MayUseDht { get; init; } = true;

    /// <summary>The maker's comment as it stood there: may hold any character.</summary>
    public string? Comment { get; init; }

    /// <summary>The program that made it, as it stood there.</summary>
    public string? CreatedBy { get; init; }

    /// <summary>When it was made, to the second.</summary>
    public DateTimeOffset? CreationDate { get; init; }

    /// <summary>The bytes of all files, padding included.</summary>
    public long TotalLength => Layout.TotalLength;

    /// <summary>The bytes of all files that are stored.</summary>
    public long StoredLength => Files.Sum(file => file.IsPadding ? 0 : file.Length);

    /// <summary>The hash that the piece must have.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such piece.</exception>
    public PieceHash HashOf(PieceIndex piece)
    {
        if (!Layout.Contains(piece))
        {
            throw new ArgumentOutOfRangeException(nameof(piece), piece, $"there are {Layout.PieceCount} pieces");
        }

        return new PieceHash(PieceHashes.Span.Slice(piece.Value * PieceHash.Sha1Length, PieceHash.Sha1Length));
    }

    /// <summary>The file's path below the folder to which one downloads, the torrent's own folder included; '/' between components.</summary>
    public string RelativePathOf(ContentFile file) => IsFolder ? $"{Name}/{file.Path}" : file.Path;

    /// <summary>The same content with other trackers and web seeds: those of a magnet link, where metadata came from peers.</summary>
    public Metainfo WithSources(IReadOnlyList<IReadOnlyList<string>> trackers, IReadOnlyList<string> webSeeds) => new()
    {
        InfoHash = InfoHash,
        Name = Name,
        IsFolder = IsFolder,
        Layout = Layout,
        Files = Files,
        PieceHashes = PieceHashes,
        IsPrivate = IsPrivate,
        IsHybrid = IsHybrid,
        InfoBytes = InfoBytes,
        SealedHeader = SealedHeader,
        Trackers = trackers,
        WebSeeds = webSeeds,
        Nodes = Nodes,
        MayUseDht = MayUseDht,
        Comment = Comment,
        CreatedBy = CreatedBy,
        CreationDate = CreationDate,
    };
}
