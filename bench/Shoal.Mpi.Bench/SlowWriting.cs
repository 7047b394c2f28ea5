using System.Diagnostics;
using Shoal.Protocol;
using Shoal.Runtime;

namespace Shoal.Mpi.Bench;

/// <summary>A disk with a tenth of the speed: each write is followed by a sleep of nine times its duration.</summary>
internal static class Slowness
{
    private static TimeSpan _owed; // a sleep takes whole milliseconds, and a write does not

    public static void Write(bool isSlow, Action write)
    {
        var clock = Stopwatch.StartNew();
        write();
        if (isSlow)
        {
            _owed += clock.Elapsed * 9;
            clock.Restart();
            Thread.Sleep(_owed > TimeSpan.Zero ? _owed : TimeSpan.Zero);
            _owed -= clock.Elapsed;
        }
    }
}

/// <summary>A store that writes slowly.</summary>
internal sealed class SlowStore(IPieceStore store) : IPieceStore
{
    public unsafe void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* pinned = bytes)
        {
            var (address, length) = ((nint)pinned, bytes.Length);
            Slowness.Write(true, () => store.Write(piece, begin, new ReadOnlySpan<byte>((void*)address, length)));
        }
    }

    public void Read(PieceIndex piece, int begin, Span<byte> destination) => store.Read(piece, begin, destination);

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) =>
        store.ReadBlocks(blocks, destination, gapBefore);
}
