using Shoal.Engine.Jobs;
using Shoal.Engine.Swarms;
using Shoal.Engine.Tests.Swarms;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Jobs;

/// <summary>How the policies spread the load, and what they say to whom.</summary>
public sealed class BalanceTests
{
    public static TheoryData<BalancePolicy> Ordered => [.. Enum.GetValues<BalancePolicy>().Except([BalancePolicy.Swarm])];

    [Theory]
    [InlineData(BalancePolicy.LeastRequested)]
    [InlineData(BalancePolicy.LeastUploaded)]
    [InlineData(BalancePolicy.TrackerPolled)]
    [InlineData(BalancePolicy.Swarm)]
    public void Looking_at_the_load_is_fairer_than_chance(BalancePolicy policy)
    {
        Assert.InRange(OneOwner(policy).Fairness(), OneOwner(BalancePolicy.Random).Fairness(), 1);
    }

    [Theory]
    [InlineData(BalancePolicy.LeastUploaded)]
    [InlineData(BalancePolicy.TrackerPolled)]
    public void Upload_counts_even_the_load_out(BalancePolicy policy)
    {
        Assert.InRange(OneOwner(policy).Fairness(), 0.95, 1);
    }

    [Fact]
    public void Chance_asks_every_owner_about_as_often()
    {
        var world = new JobWorld(BalancePolicy.Random);
        var file = world.File("a", 3000);
        world.Peer([file]).Peer([file]).Peer([file]).Peer(wanted: ["a"]).Run();
        Assert.All(world.Ranks.Take(3), rank => Assert.InRange(rank.Session.Load.UploadedCount, 900, 1100));
    }

    [Theory]
    [MemberData(nameof(Ordered))]
    public void The_tracker_is_asked_again_after_every_ten_segments(BalancePolicy policy)
    {
        var world = new JobWorld(policy);
        var file = world.File("a", 200);
        world.Peer([file]).Peer([file]).Peer(wanted: ["a"]).Run();
        Assert.InRange(world.Mail.Count(mail => mail.Message is JobMessage.SwarmRequest), 20, 21);
        Assert.Equal(policy == BalancePolicy.LeastRequested, world.Mail.Exists(mail => mail.Message is JobMessage.Requested));
        Assert.Equal(
            policy is BalancePolicy.LeastUploaded or BalancePolicy.TrackerPolled,
            world.Mail.Exists(mail => mail.Message is JobMessage.LoadRequest));
        Assert.Equal(policy == BalancePolicy.LeastUploaded, world.Mail.Exists(mail => mail is { From: 3, Message: JobMessage.LoadRequest }));
    }

    [Fact]
    public void Rejected_requests_count_towards_the_ten_of_least_requested()
    {
        var world = new JobWorld(BalancePolicy.LeastRequested, 4);
        world.Peer([world.File("a", 200)]).Peer(wanted: ["a"]).Peer(wanted: ["a"]).Run().AssertAllArrived();
        foreach (var rank in world.Ranks.Skip(1))
        {
            Assert.True(rank.Session.Load.RejectCount > 0);
            var told = world.Mail.Where(mail => mail.From == rank.Rank).Select(mail => mail.Message)
                .OfType<JobMessage.Requested>().SelectMany(message => message.Requests).Sum(request => request.Count);
            Assert.Equal(rank.Session.Load.RequestCount, told);
            Assert.InRange(
                world.Mail.Count(mail => mail.From == rank.Rank && mail.Message is JobMessage.SwarmRequest),
                rank.Session.Load.RequestCount / 10, (rank.Session.Load.RequestCount / 10) + 1);
        }
    }

    [Theory]
    [MemberData(nameof(Ordered))]
    public void Pieces_of_many_blocks_come_from_holders_that_tell_nothing(BalancePolicy policy)
    {
        var world = new World(1, 40 * 8 * 1024, 8 * 1024);
        SwarmOptions Options(SwarmOptions options) => options with { Balance = policy, IsTrusted = true };
        var seeder = world.Add(isSeeder: true, options: Options);
        var other = world.Add(options: Options);
        var last = world.Add(options: Options);
        foreach (var host in world.Hosts)
        {
            host.Start();
        }

        other.Meet(seeder);
        last.Meet(seeder);
        last.Meet(other);
        PeerAddress[] order = [last.Address, other.Address, seeder.Address];
        Assert.True(world.RunUntil(
            () =>
            {
                foreach (var host in new[] { other, last })
                {
                    // An order answers each round, and the first begins unasked.
                    var rounds = host.Events.Count(e => e is SwarmEvent.RoundEnded);
                    for (var told = _told.GetValueOrDefault(host); told <= rounds; told++)
                    {
                        _told[host] = told + 1;
                        host.Tell(new Input(InputKind.HoldersOrdered, Detail: order));
                    }
                }

                return other.IsComplete && last.IsComplete;
            },
            TimeSpan.FromSeconds(30)));
        Assert.Equal(world.Content, other.Disk);
        Assert.Equal(world.Content, last.Disk);
    }

    [Theory]
    [InlineData("least-requested", true)]
    [InlineData("swarm", true)]
    [InlineData("fair", false)]
    public void Policies_have_names(string name, bool exists)
    {
        Assert.Equal(exists, BalancePolicies.TryParse(name, out var policy));
        Assert.Equal(exists, BalancePolicies.NameOf(policy) == name);
        Assert.Equal(Enum.GetValues<BalancePolicy>().Length, BalancePolicies.Names.Count);
    }

    private readonly Dictionary<Host, int> _told = [];

    private static JobWorld OneOwner(BalancePolicy policy)
    {
        var world = new JobWorld(policy, 5);
        world.Peer([world.File("a", 300)]);
        for (var i = 0; i < 7; i++)
        {
            world.Peer(wanted: ["a"]);
        }

        return world.Run();
    }
}
