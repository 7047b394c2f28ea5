using System.Net;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Tcp;

namespace Shoal.Sockets.Tests.Tcp;

/// <summary>Two hosts, one with everything, over loopback. By themselves: one of them counts what the process allocates.</summary>
[Collection(nameof(Alone))]
public sealed class TransferTests
{
    [Theory]
    [InlineData(64 << 20, 256 << 10, 256, 16)]
    [InlineData(1, 16384, 5, 1)]
    [InlineData((3 << 20) + 17, 65536, 3, 2)]
    public async Task Every_byte_arrives(int length, int pieceLength, int depth, int slots)
    {
        var layout = new PieceLayout(length, pieceLength);
        var source = new ToyStore(layout, 1);
        var target = new ToyStore(layout, 0);
        var machine = await TransferAsync(layout, source, target, depth, slots, null);
        Assert.True(source.Content.SequenceEqual(target.Content));
        Assert.Equal(0, machine.DiscardedBytes);
        for (var piece = 0; piece < layout.PieceCount; piece++)
        {
            Assert.Equal(source.HashOf(layout, piece), machine.Hashes[piece]);
        }
    }

    [Fact]
    public async Task A_steady_transfer_allocates_nothing_per_block()
    {
        var layout = new PieceLayout(192 << 20, 256 << 10);
        var store = new ToyStore(layout, 1);
        long before = 0;
        long after = 0;
        await TransferAsync(layout, store, store, 256, 16, written =>
        {
            if (written == layout.PieceCount / 3)
            {
                before = GC.GetTotalAllocatedBytes(precise: true);
            }
            else if (written == layout.PieceCount)
            {
                after = GC.GetTotalAllocatedBytes(precise: true);
            }
        });

        // 8192 blocks: a Task and its state for each would be more. Threads that join late bring buffers, 0.4 MB each.
        Assert.InRange(after - before, 0, 2 << 20);
    }

    private static async Task<ToyLeecher> TransferAsync(
        PieceLayout layout, ToyStore source, ToyStore target, int depth, int slots, Action<int>? onWritten)
    {
        await using var seeding = new TcpTransport();
        await using var leeching = new TcpTransport();
        await using var seeder = new SwarmHost(new ToySeeder(), seeding);
        seeder.Attach(new SwarmId(1), new SwarmResources { Layout = layout, Store = source });
        var endPoint = seeding.Listen(new IPEndPoint(IPAddress.Loopback, 0));

        var machine = new ToyLeecher(layout, PeerAddress.From(endPoint.Address, endPoint.Port), depth, slots) { OnWritten = onWritten };
        await using var leecher = new SwarmHost(machine, leeching);
        leecher.Attach(new SwarmId(1), new SwarmResources { Layout = layout, Store = target });
        leecher.Post(new Input(InputKind.Start, new SwarmId(1)));

        var problem = await await Task.WhenAny(machine.Ended.Task, Broken(leecher), Broken(seeder)).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Null(problem);
        return machine;
    }

    private static async Task<string?> Broken(SwarmHost host)
    {
        await host.Completion;
        return "the host ended";
    }
}

/// <summary>Tests that want the process to themselves.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
