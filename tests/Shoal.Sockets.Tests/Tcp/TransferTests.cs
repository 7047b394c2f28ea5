using System.Net;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Tcp;

namespace Shoal.Sockets.Tests.Tcp;

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
        await using var seeding = new TcpTransport();
        await using var leeching = new TcpTransport();
        await using var seeder = new SwarmHost(new ToySeeder(), seeding);
        seeder.Attach(new SwarmId(1), new SwarmResources { Layout = layout, Store = source });
        var endPoint = seeding.Listen(new IPEndPoint(IPAddress.Loopback, 0));

        var machine = new ToyLeecher(layout, PeerAddress.From(endPoint.Address, endPoint.Port), depth, slots);
        await using var leecher = new SwarmHost(machine, leeching);
        leecher.Attach(new SwarmId(1), new SwarmResources { Layout = layout, Store = target });
        leecher.Post(new Input(InputKind.Start, new SwarmId(1)));

        var problem = await await Task.WhenAny(machine.Ended.Task, Broken(leecher), Broken(seeder)).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Null(problem);
        Assert.True(source.Content.SequenceEqual(target.Content));
        Assert.Equal(0, machine.DiscardedBytes);
        for (var piece = 0; piece < layout.PieceCount; piece++)
        {
            Assert.Equal(source.HashOf(layout, piece), machine.Hashes[piece]);
        }
    }

    private static async Task<string?> Broken(SwarmHost host)
    {
        await host.Completion;
        return "the host ended";
    }
}
