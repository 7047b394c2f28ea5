using Shoal.Simulation.Results;
using Shoal.Simulation.Scenarios;

namespace Shoal.Simulation.Tests.Peers;

/// <summary>A file from one machine to all of a cluster that trust each other, with large pieces and few buffers.</summary>
public sealed class ClusterTests
{
    private const int HostCount = 40;
    private const long BytesPerSecond = 10_000_000_000 / 8;

    /// <summary>The default 48 MiB of buffers are three pieces.</summary>
    private const int PieceLength = 16 << 20;

    [Theory]
    [InlineData(1, PieceLength)]
    [InlineData(2, PieceLength)]
    [InlineData(1, PieceLength / 16)]
    public void Few_buffers_do_not_make_everybody_ask_the_same_one(ulong seed, int blockLength)
    {
        var result = Simulator.Run(new Scenario
        {
            Seed = seed,
            ContentLength = 64L * PieceLength,
            PieceLength = PieceLength,
            BlockLength = blockLength,
            Classes = [Machines("reader", 1, isSeeder: true), Machines("hosts", HostCount, isSeeder: false)],
            Swarm = new SwarmModel { IsTrusted = true, MaximumConnectionCount = 64 },
        });

        Assert.True(result.IsComplete);
        var hosts = result.Peers.Where(peer => !peer.IsSeeder).ToList();
        var mean = hosts.Average(peer => peer.UploadedBytes);
        Assert.All(hosts, peer => Assert.InRange(peer.UploadedBytes, 0, 3 * mean));
        var sentByReader = result.Peers.Single(peer => peer.IsSeeder).UploadedBytes;
        Assert.InRange(sentByReader, 64L * PieceLength, 4 * 64L * PieceLength);
    }

    /// <summary>Here only a part of the links may be asked for a piece: those into other racks only for what no near one has.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Who_comes_after_links_that_have_nothing_is_not_asked_more_than_others(ulong seed)
    {
        var scenario = new Scenario
        {
            Seed = seed,
            ContentLength = 64L * PieceLength,
            PieceLength = PieceLength,
            BlockLength = PieceLength,
            Classes =
            [
                Machines("reader", 1, isSeeder: true),
                Machines("hosts", 3 * HostCount, isSeeder: false) with
                {
                    RackSize = HostCount, RackBytesPerSecond = 4 * BytesPerSecond, JoinWithin = TimeSpan.FromSeconds(2),
                },
            ],
            Swarm = new SwarmModel { IsTrusted = true, MaximumConnectionCount = 30 },
        };

        Assert.InRange(RunSummary.Of(scenario, Simulator.Run(scenario)).Fairness!.Value, 0.9, 1);
    }

    private static PeerClass Machines(string name, int count, bool isSeeder) => new()
    {
        Name = name,
        Count = count,
        IsSeeder = isSeeder,
        UpBytesPerSecond = BytesPerSecond,
        DownBytesPerSecond = BytesPerSecond,
        Latency = TimeSpan.FromMicroseconds(50),
    };
}
