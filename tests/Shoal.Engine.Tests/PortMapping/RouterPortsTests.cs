using System.Net;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.Tests.PortMapping;

/// <summary>What a user gets of which router.</summary>
public sealed class RouterPortsTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private static RouterStage Stage(params MappingProtocol[] known)
    {
        var router = new ToyRouter();
        router.Knows.UnionWith(known);
        return new RouterStage(router);
    }

    private static string[] Granted(string protocol) => [$"Tcp 51413 at 198.51.100.7:51413 by {protocol}", $"Udp 51414 at 198.51.100.7:51414 by {protocol}"];

    [Theory]
    [InlineData(MappingProtocol.Pcp, "PCP")]
    [InlineData(MappingProtocol.NatPmp, "NAT-PMP")]
    [InlineData(MappingProtocol.Upnp, "UPnP")]
    public void A_router_that_knows_one_way_is_asked_in_it_whether_it_says_no_to_others_or_nothing(MappingProtocol known, string name)
    {
        foreach (var isPolite in new[] { true, false })
        {
            var stage = Stage(known);
            stage.Router.IsPolite = isPolite;
            stage.Run(Soon);
            Assert.Equal(Granted(name), stage.Told);
            Assert.Equal([51413, 51414], stage.Router.Table.Keys.Select(key => (int)key.External).Order());
            Assert.All(stage.Router.Table.Values, entry => Assert.Equal(3600u, entry.Lifetime));
            stage.Tell(new PortMappingInput.Release());
            stage.Run(Soon);
            Assert.True(stage.Machine.IsReleased);
            Assert.Empty(stage.Router.Table);
        }
    }

    [Fact]
    public void A_router_that_knows_all_is_asked_in_the_best_way_alone()
    {
        var stage = Stage(MappingProtocol.Upnp, MappingProtocol.NatPmp, MappingProtocol.Pcp);
        stage.Run(Soon);
        Assert.Equal(Granted("PCP"), stage.Told);
        Assert.Equal(["PCP", "PCP"], stage.Router.Asked);
    }

    [Fact]
    public void Without_a_router_each_way_is_tried_for_seconds_and_all_of_them_again_later_but_told_of_once()
    {
        var stage = Stage();
        stage.Router.IsPolite = false;
        stage.Run(Soon);
        Assert.Equal([0, 0.25, 0.75, 1.75, 3.75, 4, 4.5, 5.5], stage.SentAt);
        Assert.Equal(3 * 2, stage.Router.Asked.Count(asked => asked == "search"));
        const string Reason = "failed: no router answers to PCP or NAT-PMP or UPnP";
        Assert.Equal([$"Tcp {Reason}", $"Udp {Reason}"], stage.Told);
        stage.SentAt.Clear();
        stage.Run(TimeSpan.FromHours(6));
        Assert.Equal(2, stage.Told.Count);
        Assert.InRange(stage.SentAt.Count / 8, 8, 2 * 10); // after 5, 10, 20, 40, 60, 60, … minutes, for either port
        stage.Router.Knows.Add(MappingProtocol.NatPmp);
        stage.Run(TimeSpan.FromMinutes(70));
        Assert.Equal(Granted("NAT-PMP"), stage.Told[2..4]);
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    [InlineData(MappingProtocol.Upnp)]
    public void It_is_renewed_at_about_half_time_for_as_long_as_it_is_wanted(MappingProtocol known)
    {
        var stage = Stage(known);
        stage.Run(TimeSpan.FromHours(10));
        Assert.InRange(stage.Told.Count(told => told == "Tcp renewed"), 15, 20);
        Assert.InRange(stage.Told.Count(told => told == "Udp renewed"), 15, 20);
        Assert.Equal(2, stage.Told.Count(told => told.Contains(" at ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    public void A_router_that_gives_more_time_than_it_was_asked_for_is_asked_again_as_soon_as_any(MappingProtocol known)
    {
        var stage = Stage(known);
        stage.Router.LeastLifetime = TimeSpan.FromDays(11);
        stage.Run(TimeSpan.FromHours(10));
        Assert.InRange(stage.Told.Count(told => told == "Tcp renewed"), 15, 20);
    }

    [Fact]
    public void A_router_that_grants_no_time_at_all_is_not_asked_all_the_time()
    {
        var stage = Stage(MappingProtocol.NatPmp);
        stage.Router.Lifetime = TimeSpan.FromSeconds(1);
        stage.Run(TimeSpan.FromMinutes(10));
        Assert.InRange(stage.SentAt.Count, 4, 4 * 22);
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp, 51414)]
    [InlineData(MappingProtocol.NatPmp, 51414)]
    public void A_router_may_give_another_port(MappingProtocol known, int port)
    {
        var stage = Stage(known);
        stage.Router.Taken.Add(51413);
        stage.Run(Soon);
        Assert.StartsWith($"Tcp 51413 at 198.51.100.7:{port} by", stage.Told[0], StringComparison.Ordinal);
        stage.Run(TimeSpan.FromHours(2));
        Assert.Equal(2, stage.Told.Count(told => told.Contains(" at ", StringComparison.Ordinal))); // the same is asked for again
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    [InlineData(MappingProtocol.Upnp)]
    public void Both_transports_get_one_number_outside_where_they_have_one_inside(MappingProtocol known)
    {
        var router = new ToyRouter();
        router.Knows.Add(known);
        router.Taken.Add(51413);
        var stage = new RouterStage(router, nodePort: 51413);
        stage.Run(TimeSpan.FromHours(2));
        var ports = stage.Machine.Mapped.ToArray();
        Assert.Equal([PortTransport.Tcp, PortTransport.Udp], ports.Select(port => port.Transport));
        Assert.Equal(ports[0].External, ports[1].External);
        Assert.NotEqual(51413, ports[0].External.Port);
        Assert.Equal(2, stage.Told.Count(told => told.Contains(" at ", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_port_that_is_wanted_later_is_asked_for_at_once_and_one_of_each_transport_counts()
    {
        var router = new ToyRouter();
        router.Knows.Add(MappingProtocol.Pcp);
        var stage = new RouterStage(router, nodePort: null);
        stage.Run(TimeSpan.FromMinutes(1));
        Assert.Equal(Granted("PCP")[..1], stage.Told);
        stage.Tell(RouterStage.Want(PortTransport.Udp, 51414));
        stage.Tell(RouterStage.Want(PortTransport.Udp, 9));
        stage.Run(Soon);
        Assert.Equal(Granted("PCP"), stage.Told);
        stage.Tell(new PortMappingInput.Release());
        stage.Run(Soon);
        Assert.Empty(router.Table);
    }

    [Fact]
    public void By_upnp_another_port_is_asked_for_where_one_is_taken()
    {
        var stage = Stage(MappingProtocol.Upnp);
        stage.Router.Taken.Add(51413);
        stage.Run(Soon);
        var external = Assert.Single(stage.Machine.Mapped, port => port.Transport == PortTransport.Tcp).External;
        Assert.InRange(external.Port, 49152, 65535);
        Assert.NotEqual(51413, external.Port);
        Assert.Equal(51413, stage.Router.Table[(PortTransport.Tcp, external.Port)].Internal);
        stage.Tell(new PortMappingInput.Release());
        Assert.Empty(stage.Router.Table);
    }

    [Fact]
    public void A_router_that_never_has_a_free_port_is_asked_for_a_few_and_then_believed()
    {
        var stage = Stage(MappingProtocol.Upnp);
        stage.Router.UpnpErrors.EnsureCapacity(100);
        for (var i = 0; i < 100; i++)
        {
            stage.Router.UpnpErrors.Enqueue(718);
        }

        stage.Run(Soon);
        Assert.Equal(8, stage.Router.Asked.Count(asked => asked == "AddPortMapping"));
        Assert.Equal("Tcp failed: the router (UPnP) answered with error 718, It is so", stage.Told[0]);
    }

    [Fact]
    public void A_router_that_maps_for_ever_only_is_asked_so_and_renewed_all_the_same()
    {
        var stage = Stage(MappingProtocol.Upnp);
        stage.Router.UpnpErrors.Enqueue(725);
        stage.Run(Soon);
        Assert.Equal(Granted("UPnP"), stage.Told);
        Assert.Equal(0u, stage.Router.Table[(PortTransport.Tcp, 51413)].Lifetime);
        stage.Run(TimeSpan.FromHours(1));
        Assert.Contains("Tcp renewed", stage.Told);
        stage.Tell(new PortMappingInput.Release());
        Assert.Empty(stage.Router.Table);
    }

    [Theory]
    [InlineData(0, "AddAnyPortMapping AddAnyPortMapping")]
    [InlineData(401, "AddAnyPortMapping AddPortMapping AddAnyPortMapping")] // it claims version 2 and is not
    public void A_router_of_version_2_may_choose_the_port(int error, string orders)
    {
        var stage = Stage(MappingProtocol.Upnp);
        stage.Router.IgdVersion = 2;
        if (error != 0)
        {
            stage.Router.UpnpErrors.Enqueue(error);
        }

        stage.Run(Soon);
        Assert.Equal(Granted("UPnP"), stage.Told);
        Assert.Equal(orders, string.Join(' ', stage.Router.Asked.Where(asked => asked.StartsWith("Add", StringComparison.Ordinal))));
    }

    [Fact]
    public void Why_a_router_refuses_is_told_in_one_line()
    {
        var stage = Stage(MappingProtocol.Upnp, MappingProtocol.Pcp, MappingProtocol.NatPmp);
        stage.Router.PcpResult = PcpResult.NotAuthorized;
        stage.Router.NatPmpResult = NatPmpResult.OutOfResources;
        stage.Router.UpnpErrors.Enqueue(606);
        stage.Run(Soon);
        Assert.Equal(
            "Tcp failed: the router (PCP) does not allow it; the router (NAT-PMP) has no more room for it; the router (UPnP) does not allow it", stage.Told[0]);
    }

    [Theory]
    [InlineData("10.1.2.3", false)]
    [InlineData("172.31.0.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("172.32.0.1", true)]
    [InlineData("198.51.100.7", true)]
    public void A_router_behind_another_is_recognised(string external, bool isPublic)
    {
        var stage = Stage(MappingProtocol.NatPmp);
        stage.Router.External = PeerAddress.From(IPAddress.Parse(external), 0);
        stage.Run(Soon);
        Assert.All(stage.Machine.Mapped, port => Assert.Equal(isPublic, port.IsPublic));
    }

    [Fact]
    public void The_end_that_comes_while_a_router_is_asked_takes_back_what_it_may_have_granted()
    {
        var stage = Stage(MappingProtocol.Pcp);
        stage.Machine.Handle(stage.Now, RouterStage.Want(PortTransport.Tcp, 51413));
        Assert.True(stage.Machine.TryPoll(out var first));
        stage.Router.Answer(stage.Now, first); // and the answer is lost
        Assert.NotEmpty(stage.Router.Table);
        stage.Tell(new PortMappingInput.Release());
        Assert.True(stage.Machine.IsReleased);
        Assert.Empty(stage.Router.Table);
    }

    [Fact]
    public void The_end_does_not_wait_for_a_router_that_is_silent()
    {
        var stage = Stage(MappingProtocol.Pcp);
        stage.Run(Soon);
        stage.Router.Knows.Clear();
        stage.Router.IsPolite = false;
        stage.Tell(new PortMappingInput.Release());
        stage.Run(TimeSpan.FromSeconds(8));
        Assert.True(stage.Machine.IsReleased);
        Assert.Equal(Instant.Never, stage.Machine.Deadline);
    }
}
