using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Shoal.Mpi;
using Shoal.Mpi.Bench;
using Shoal.Mpi.Copying;
using Shoal.Protocol;
using Shoal.Runtime.Storage;

// Shoal.Mpi.Bench bcast|copy FILE FOLDER [SLOW [DISK]]: gives FILE of the first rank to all others, one copy for each in FOLDER/{rank}; so
// FILE is in FOLDER/0. The rank SLOW (-1 for none) writes with a tenth of its speed. Every rank's disk takes DISK bytes a second.
// With sha1 or gmac each rank only hashes as many bytes as FILE has, in pieces that lie in memory. The first rank prints a line
// for each: "rank", its number, seconds until its copy was there, processor seconds, peak memory in bytes.
const int PieceLength = 1 << 20;
var (mode, file, folder) = (args[0], args[1], args[2]);
var slow = args.Length > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : -1;
var diskSpeed = args.Length > 4 ? double.Parse(args[4], CultureInfo.InvariantCulture) : double.PositiveInfinity;
var world = MpiWorld.Start();
_ = world.Max(0);
var start = Stopwatch.StartNew();
var cpuBefore = Process.GetCurrentProcess().TotalProcessorTime;
var disk = world.Rank == slow || double.IsFinite(diskSpeed) ? new PacedDisk(diskSpeed, world.Rank == slow) : null;
double seconds;
var isRight = true;
if (mode == "bcast")
{
    Broadcast();
    seconds = start.Elapsed.TotalSeconds;
}
else if (mode is "sha1" or "gmac")
{
    Hash();
    seconds = start.Elapsed.TotalSeconds;
}
else
{
    var report = CopyJob.Run(world, new CopyOptions
    {
        Sources = [file],
        ReaderCount = 1, // as in the broadcast, whoever else could see the file
        Destination = Path.Combine(folder, "{rank}"),
        Wrap = disk is null ? null : store => new PacedStore(store, disk),
    });
    isRight = report.IsComplete;
    seconds = report.Ranks[world.Rank].Seconds;
}

using var process = Process.GetCurrentProcess();
var cpu = (process.TotalProcessorTime - cpuBefore).TotalSeconds;
var mine = string.Create(CultureInfo.InvariantCulture, $"{world.Rank} {seconds:F3} {cpu:F3} {process.PeakWorkingSet64} {isRight}");
var all = world.Gather(System.Text.Encoding.UTF8.GetBytes(mine));
if (world.Rank == 0)
{
    Console.WriteLine(); // mpirun's pseudo-terminals begin with what is no text
    foreach (var line in all)
    {
        Console.WriteLine($"rank {System.Text.Encoding.UTF8.GetString(line)}");
    }
}

world.Dispose();
return isRight ? 0 : 1;

void Hash()
{
    using var hasher = new CopyHasher(default);
    Func<ReadOnlySpan<byte>, PieceHash> hash = mode == "gmac" ? hasher.Hash : PieceHasher.Hash;
    var piece = new byte[PieceLength];
    for (var left = new FileInfo(file).Length; left > 0; left -= PieceLength)
    {
        hash(piece.AsSpan(0, (int)Math.Min(PieceLength, left)));
    }
}

unsafe void Broadcast()
{
    var bytes = (byte*)NativeMemory.AlignedAlloc(PieceLength, 4096);
    using var source = world.Rank == 0 ? File.OpenHandle(file) : null;
    var length = world.Rank == 0 ? RandomAccess.GetLength(source!) : 0;
    length = BitConverter.ToInt64(world.Broadcast(0, BitConverter.GetBytes(length)));
    Directory.CreateDirectory(Path.Combine(folder, $"{world.Rank}"));
    using var target = world.Rank == 0 ? null : File.OpenHandle(
        Path.Combine(folder, $"{world.Rank}", Path.GetFileName(file)), FileMode.Create, FileAccess.Write);
    for (var offset = 0L; offset < length; offset += PieceLength)
    {
        var piece = (int)Math.Min(PieceLength, length - offset);
        if (source is not null)
        {
            RandomAccess.Read(source, new Span<byte>(bytes, piece), offset);
        }

        world.Api.Bcast(bytes, piece, 0, world.Communicator);
        if (target is not null)
        {
            var write = () => RandomAccess.Write(target, new ReadOnlySpan<byte>(bytes, piece), offset);
            if (disk is null)
            {
                write();
            }
            else
            {
                disk.Write(piece, write);
            }
        }
    }

    NativeMemory.AlignedFree(bytes);
}
