using System.Diagnostics;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Mpi;
using Shoal.Mpi.Jobs;
using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Hosting;

var total = args.Length > 0 ? long.Parse(args[0]) << 20 : 64L << 20;
var pieceLength = args.Length > 1 ? int.Parse(args[1]) << 10 : 1 << 20;
var blockLength = args.Length > 2 ? int.Parse(args[2]) << 10 : 256 << 10;
var world = MpiWorld.Start();
var layout = new PieceLayout(total, pieceLength, blockLength);
var store = new MemoryStore(layout, world.Rank == 0);
var hashes = world.Gather(world.Rank == 0 ? store.Hashes() : [])[0];
var id = new byte[20];
id[0] = (byte)world.Rank;
id[1] = 1;
var session = new Session(new SessionOptions(new PeerId(id), (ulong)world.Rank + 1));
var loop = new RankLoop(world, session);
var completed = 0;
var stopped = false;
var infoHash = new InfoHash(SHA1.HashData(hashes));
var swarm = session.Add(new SwarmOptions { InfoHash = infoHash, UploadSlotCount = int.MaxValue, StopGrace = TimeSpan.FromSeconds(60) });
loop.Host.Attach(swarm, new SwarmResources
{
    Layout = layout,
    Store = store,
    OnEvent = e =>
    {
        if (e is SwarmEvent.PieceFailed or SwarmEvent.PeerDisconnected or SwarmEvent.Paused or SwarmEvent.PeerBanned)
        {
            Console.Error.WriteLine($"{world.Rank}: {e}");
        }

        stopped |= e is SwarmEvent.Stopped;
        if (e is SwarmEvent.Completed && world.Rank != 0)
        {
            loop.Transport.Send(0, Shoal.Mpi.Links.Tags.Progress, [1]);
        }
    },
});
var stop = false;
loop.Transport.Handle(Shoal.Mpi.Links.Tags.Progress, (_, _) => completed++);
loop.Transport.Handle(Shoal.Mpi.Links.Tags.TrackerReply, (_, _) => stop = true);
_ = world.Max(0);
var clock = Stopwatch.StartNew();
var have = new Bitfield(layout.PieceCount);
for (var i = 0; world.Rank == 0 && i < layout.PieceCount; i++)
{
    have.Set(i);
}

loop.Host.Post(new Input(InputKind.ContentReady, swarm, Detail: new ContentState(layout, hashes, have)));
loop.Host.Post(new Input(InputKind.Start, swarm));
for (var rank = 0; rank < world.Rank; rank++)
{
    loop.Host.Post(new Input(InputKind.PeerFound, swarm, Address: PeerAddress.FromRank(rank)));
}

if (world.Rank == 0)
{
    loop.RunUntil(() => completed == world.Size - 1);
    for (var rank = 1; rank < world.Size; rank++)
    {
        loop.Transport.Send(rank, Shoal.Mpi.Links.Tags.TrackerReply, [1]);
    }

    Console.WriteLine($"all done after {clock.Elapsed.TotalSeconds:F3} s; {total * (world.Size - 1) / clock.Elapsed.TotalSeconds / 1e6:F0} MB/s in sum");
}
else
{
    loop.RunUntil(() => stop);
}

loop.Host.Post(new Input(InputKind.Stop, swarm));
loop.RunUntil(() => stopped);
loop.Settle();
var ok = store.Hashes().AsSpan().SequenceEqual(hashes);
var cpu = Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;
var parts = world.Gather(System.Text.Encoding.UTF8.GetBytes($"rank {world.Rank} ok={ok} quiet={loop.Transport.IsQuiet} cpu={cpu:F2} peak={Process.GetCurrentProcess().PeakWorkingSet64 >> 20}MiB {string.Join(' ', loop.Transport.Counts.ByName.Select(p => $"{p.Key}:{p.Value.Sent}"))}"));
if (world.Rank == 0)
{
    foreach (var part in parts)
    {
        Console.WriteLine(System.Text.Encoding.UTF8.GetString(part));
    }
}

await loop.DisposeAsync();
world.Dispose();

#pragma warning disable
internal sealed class MemoryStore : IPieceStore
{
    private readonly PieceLayout _layout;
    private readonly byte[] _bytes;

    public MemoryStore(PieceLayout layout, bool isFull)
    {
        _layout = layout;
        _bytes = new byte[layout.TotalLength];
        if (isFull)
        {
            new Random(1).NextBytes(_bytes);
        }
    }

    public byte[] Hashes() => Enumerable.Range(0, _layout.PieceCount)
        .SelectMany(i => SHA1.HashData(_bytes.AsSpan((int)_layout.OffsetOf(new PieceIndex(i)), _layout.LengthOf(new PieceIndex(i))))).ToArray();

    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes) => bytes.CopyTo(_bytes.AsSpan((int)_layout.OffsetOf(piece) + begin));

    public void Read(PieceIndex piece, int begin, Span<byte> destination) =>
        _bytes.AsSpan((int)_layout.OffsetOf(piece) + begin, destination.Length).CopyTo(destination);

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) => throw new NotSupportedException();
}
