using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Shoal.Engine.Resume;

namespace Shoal.Runtime.Storage;

/// <summary>Finds where a sparse file has data: what was never written needs no reading to know that it is not there.</summary>
internal static class DataExtents
{
    /// <summary>The most extents listed; behind them all counts as data.</summary>
    public const int MaximumCount = 64 * 1024;

    /// <summary>The file's data in order; null where the file system cannot tell.</summary>
    public static IReadOnlyList<DataExtent>? Of(SafeFileHandle handle, long length)
    {
        if (!Posix.IsAvailable)
        {
            return null;
        }

        var extents = new List<DataExtent>();
        for (var position = 0L; position < length;)
        {
            var start = Posix.Seek(handle, position, Posix.SeekData);
            if (start < 0)
            {
                // ENXIO: nothing but a hole from here.
                return Marshal.GetLastPInvokeError() == Posix.Enxio ? extents : null;
            }

            var end = extents.Count == MaximumCount - 1 ? length : Posix.Seek(handle, start, Posix.SeekHole);
            if (end <= start)
            {
                return null;
            }

            end = Math.Min(end, length);
            if (start < end)
            {
                extents.Add(new DataExtent(start, end - start));
            }

            position = end;
        }

        return extents;
    }
}
