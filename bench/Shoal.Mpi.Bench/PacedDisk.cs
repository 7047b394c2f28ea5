using System.Diagnostics;
using Shoal.Protocol;
using Shoal.Runtime;

namespace Shoal.Mpi.Bench;

/// <summary>
/// How long a write takes: as long as it does, or as on a disk of so many bytes a second, if that is longer; with a slow disk ten times
/// that. One writes at a time.
/// </summary>
internal sealed class PacedDisk(double bytesPerSecond, bool isSlow)
{
    private readonly Lock _gate = new();
    private TimeSpan _owed; // a sleep takes whole milliseconds, and a write does not

    public void Write(int length, Action write)
    {
        lock (_gate)
        {
            var clock = Stopwatch.StartNew();
            write();
            var took = clock.Elapsed;
            var least = TimeSpan.FromSeconds(length / bytesPerSecond);
            _owed += ((took > least ? took : least) * (isSlow ? 10 : 1)) - took;
            clock.Restart();
            Thread.Sleep(_owed > TimeSpan.Zero ? _owed : TimeSpan.Zero);
            _owed -= clock.Elapsed;
        }
    }
}

/// <summary>A store that writes to such a disk.</summary>
internal sealed class PacedStore(IPieceStore store, PacedDisk disk) : IPieceStore
{
    public unsafe void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* pinned = bytes)
        {
            var (address, length) = ((nint)pinned, bytes.Length);
            disk.Write(length, () => store.Write(piece, begin, new ReadOnlySpan<byte>((void*)address, length)));
        }
    }

    public void Read(PieceIndex piece, int begin, Span<byte> destination) => store.Read(piece, begin, destination);

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) =>
        store.ReadBlocks(blocks, destination, gapBefore);
}
