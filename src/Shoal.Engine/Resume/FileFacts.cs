namespace Shoal.Engine.Resume;

/// <summary>
/// What tells that a file is still the one that was checked: its length in bytes (−1: there is none) and its time of
/// modification in nanoseconds since 1970, by the file system's clock.
/// </summary>
public readonly record struct FileFacts(long Length, long ModifiedNanoseconds)
{
    /// <summary>There is no such file.</summary>
    public static readonly FileFacts Missing = new(-1, 0);

    /// <summary>Whether there is a file.</summary>
    public bool Exists => Length >= 0;
}

/// <summary>A range of a file that may hold data; what lies between them is a hole and reads as zeros.</summary>
public readonly record struct DataExtent(long Offset, long Length)
{
    /// <summary>The first offset behind it.</summary>
    public long End => Offset + Length;
}

/// <summary>A file as it lies on disk now.</summary>
/// <param name="Facts">Length and time.</param>
/// <param name="Extents">Where data may be, in order, without overlap; null where the platform cannot tell, so anywhere.</param>
public sealed record FileOnDisk(FileFacts Facts, IReadOnlyList<DataExtent>? Extents = null)
{
    /// <summary>There is no such file.</summary>
    public static readonly FileOnDisk Missing = new(FileFacts.Missing);
}
