using System.Net;
using System.Text;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.Tests.PortMapping;

/// <summary>Routers that forget, move, vanish or lie.</summary>
public sealed class RouterRestartTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private static readonly PeerAddress Stranger = PeerAddress.From(IPAddress.Parse("192.168.1.66"), NatPmpCodec.GatewayPort);

    private static RouterStage Mapped(MappingProtocol known)
    {
        var router = new ToyRouter();
        router.Knows.Add(known);
        var stage = new RouterStage(router);
        stage.Run(Soon);
        Assert.Equal(2, stage.Told.Count);
        stage.Told.Clear();
        router.Asked.Clear();
        return stage;
    }

    // It has lost its mappings, and its time begins anew.
    private static void Restart(RouterStage stage)
    {
        stage.Router.Table.Clear();
        stage.Router.StartedAt = stage.Now;
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    public void A_router_that_tells_of_its_restart_is_asked_for_all_at_once(MappingProtocol known)
    {
        var stage = Mapped(known);
        var announcement = known == MappingProtocol.Pcp
            ? PcpCodec.WriteAnnouncement(0)
            : NatPmpCodec.WriteAddressReply(new NatPmpAddressReply(NatPmpResult.Success, 0, stage.Router.External));
        Restart(stage);
        stage.Tell(new PortMappingInput.Announcement(Stranger, announcement));
        Assert.Empty(stage.Router.Asked); // only the gateway speaks for itself
        stage.Tell(new PortMappingInput.Announcement(ToyRouter.Address, announcement));
        Assert.Equal(["Tcp renewed", "Udp renewed"], stage.Told);
        Assert.Equal(2, stage.Router.Table.Count);
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    public void A_restart_that_shows_when_one_port_is_renewed_has_the_other_asked_for_at_once(MappingProtocol known)
    {
        var stage = Mapped(known);
        stage.Run(TimeSpan.FromMinutes(29)); // nothing is due yet
        Restart(stage);
        while (stage.Told.Count == 0)
        {
            stage.Run(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(2, stage.Told.Count);
        Assert.Equal(2, stage.Router.Table.Count);
    }

    [Fact]
    public void A_router_with_another_address_is_asked_anew_and_the_new_place_told()
    {
        var stage = Mapped(MappingProtocol.NatPmp);
        stage.Router.External = PeerAddress.From(IPAddress.Parse("203.0.113.5"), 0);
        stage.Tell(new PortMappingInput.Announcement(
            ToyRouter.Address, NatPmpCodec.WriteAddressReply(new NatPmpAddressReply(NatPmpResult.Success, 31, stage.Router.External))));
        Assert.Equal(["Tcp 51413 at 203.0.113.5:51413 by NAT-PMP", "Udp 51414 at 203.0.113.5:51414 by NAT-PMP"], stage.Told);
    }

    [Fact]
    public void A_flood_of_false_announcements_makes_few_questions()
    {
        var stage = Mapped(MappingProtocol.Pcp);
        for (var i = 0; i < 10_000; i++)
        {
            stage.Tell(new PortMappingInput.Announcement(ToyRouter.Address, PcpCodec.WriteAnnouncement((uint)(i % 2 * 1_000_000))));
            stage.Run(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(stage.Router.Asked.Count, 0, 4);
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    public void A_router_whose_clock_runs_wild_is_not_asked_all_the_time(MappingProtocol known)
    {
        var stage = Mapped(known);
        var (random, sentBefore) = (new Random(1), stage.SentAt.Count);
        stage.Router.Clock = () => (uint)random.Next();
        stage.Run(TimeSpan.FromHours(1));
        Assert.InRange(stage.SentAt.Count - sentBefore, 2, 2 * 2 * 120);
        Assert.Equal(2, stage.Machine.Mapped.Count());
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    [InlineData(MappingProtocol.Upnp)]
    public void A_router_that_answers_no_more_is_asked_until_the_lease_ends_then_it_is_lost_and_looked_for_in_every_way(MappingProtocol known)
    {
        var stage = Mapped(known);
        stage.Router.Knows.Clear();
        stage.Router.IsPolite = false;
        stage.Run(TimeSpan.FromMinutes(50));
        Assert.Empty(stage.Told);
        stage.Run(TimeSpan.FromMinutes(15));
        Assert.StartsWith("Tcp lost: the router", stage.Told.First(told => told[0] == 'T'), StringComparison.Ordinal);
        Assert.StartsWith("Udp lost: the router", stage.Told.First(told => told[0] == 'U'), StringComparison.Ordinal);
        Assert.Empty(stage.Machine.Mapped);
        stage.Router.Knows.Add(known == MappingProtocol.Upnp ? MappingProtocol.Pcp : MappingProtocol.Upnp);
        stage.Run(TimeSpan.FromMinutes(70));
        Assert.Equal(2, stage.Machine.Mapped.Count());
    }

    [Fact]
    public void A_upnp_router_whose_service_has_moved_is_searched_for_again()
    {
        var stage = Mapped(MappingProtocol.Upnp);
        stage.Router.UpnpErrors.Enqueue(501);
        stage.Run(TimeSpan.FromMinutes(40));
        Assert.Contains("search", stage.Router.Asked);
        Assert.Equal(["Tcp renewed", "Udp renewed"], stage.Told.Order());
    }

    [Fact]
    public void A_machine_that_has_moved_to_another_network_has_nothing_mapped()
    {
        var stage = Mapped(MappingProtocol.Pcp);
        stage.Tell(new PortMappingInput.Moved());
        Assert.Equal(["Tcp lost: this machine has another router now", "Udp lost: this machine has another router now"], stage.Told);
        Assert.True(stage.Machine.IsReleased);
        Assert.Empty(stage.Router.Asked);
    }

    [Fact]
    public void Answers_of_others_or_to_nothing_that_was_asked_count_for_nothing()
    {
        var stage = new RouterStage(new ToyRouter { IsPolite = false });
        stage.Run(TimeSpan.Zero);
        var map = new PcpMap(new PcpNonce(0, 0), PortTransport.Tcp, 51413, PeerAddress.From(IPAddress.Parse("203.0.113.66"), 1));
        foreach (var (source, reply) in new[]
        {
            (Stranger, map), (ToyRouter.Address.WithPort(5352), map), (ToyRouter.Address, map with { Nonce = new PcpNonce(1, 0) }),
            (ToyRouter.Address, map with { InternalPort = 9 }), (ToyRouter.Address, map with { Transport = PortTransport.Udp }),
        })
        {
            stage.Tell(new PortMappingInput.Datagram(source, PcpCodec.WriteMapReply(new PcpMapReply(PcpResult.Success, 3600, 1, reply))));
        }

        stage.Tell(new PortMappingInput.SearchAnswer(ToyRouter.Address, "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1/\r\n\r\n"u8.ToArray()));
        stage.Tell(new PortMappingInput.HttpAnswer(0, 200, "<r><NewExternalIPAddress>203.0.113.66</NewExternalIPAddress></r>"u8.ToArray()));
        Assert.Empty(stage.Told);
        stage.Tell(new PortMappingInput.Datagram(ToyRouter.Address, PcpCodec.WriteMapReply(new PcpMapReply(PcpResult.Success, 3600, 1, map))));
        Assert.Equal("Tcp 51413 at 203.0.113.66:1 by PCP", Assert.Single(stage.Told));
    }

    [Fact]
    public void Of_many_who_answer_a_search_few_are_looked_at_and_none_from_afar()
    {
        var stage = new RouterStage(new ToyRouter(), RouterStage.Options with { Protocols = [MappingProtocol.Upnp] });
        stage.Run(TimeSpan.Zero);
        for (var i = 0; i < 1000; i++)
        {
            foreach (var host in new[] { $"192.168.{2 + (i % 200)}.{i % 250}", $"203.0.113.{i % 250}" })
            {
                var source = PeerAddress.From(IPAddress.Parse(host), 1900);
                stage.Tell(new PortMappingInput.SearchAnswer(source, Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: http://{host}/x{i}\r\n\r\n")));
            }
        }

        stage.Run(Soon);
        Assert.Equal(8, stage.Router.Asked.Count(asked => asked == "nobody"));
        Assert.Equal("Tcp failed: the router (UPnP) describes nothing that maps ports", stage.Told[0]);
    }

    [Fact]
    public void This_machine_itself_is_not_looked_at_whoever_names_it()
    {
        var stage = new RouterStage(new ToyRouter(), RouterStage.Options with { Protocols = [MappingProtocol.Upnp] });
        stage.Run(TimeSpan.Zero);
        foreach (var host in (PeerAddress[])[ToyRouter.Client, PeerAddress.From(IPAddress.Loopback, 0)])
        {
            stage.Tell(new PortMappingInput.SearchAnswer(
                host.WithPort(1900), Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: http://{host.ToIPAddress()}/x\r\n\r\n")));
        }

        stage.Run(Soon);
        Assert.DoesNotContain("nobody", stage.Router.Asked);
    }

    [Fact]
    public void Devices_with_services_without_end_that_take_every_port_for_taken_are_given_up()
    {
        var machine = new RouterPorts(RouterStage.Options with { Protocols = [MappingProtocol.Upnp] }, new Prng(1));
        const string Service = $"<service><serviceType>{UpnpService.WanIPConnection1}</serviceType><controlURL>/ctl</controlURL></service>";
        var (now, askedCount, hasFailed) = (Instant.Zero, 0, false);
        var inputs = new Queue<PortMappingInput>([RouterStage.Want(PortTransport.Tcp, 51413)]);
        for (var i = 10; i < 18; i++)
        {
            inputs.Enqueue(new PortMappingInput.SearchAnswer(
                PeerAddress.FromBytes([192, 168, 1, (byte)i], 1900), Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.{i}/x\r\n\r\n")));
        }

        while (!hasFailed)
        {
            now = inputs.Count > 0 ? now : machine.Deadline;
            machine.Handle(now, inputs.TryDequeue(out var input) ? input : new PortMappingInput.Timer());
            while (machine.TryPoll(out var output))
            {
                hasFailed |= output is PortMappingOutput.Failed;
                if (output is PortMappingOutput.Http { Id: var id, Order: var order })
                {
                    askedCount++;
                    var (status, body) = order is not { Action: var action } ? (200, $"<root>{string.Concat(Enumerable.Repeat(Service, 16))}</root>")
                        : action.Contains("External", StringComparison.Ordinal) ? (200, "<r><NewExternalIPAddress>198.51.100.7</NewExternalIPAddress></r>")
                        : (500, "<f><errorCode>718</errorCode></f>");
                    inputs.Enqueue(new PortMappingInput.HttpAnswer(id, status, Encoding.ASCII.GetBytes(body)));
                }
            }
        }

        Assert.InRange(askedCount, 20, 50);
    }

    [Fact]
    public void Whatever_comes_it_never_throws_asks_seldom_and_ends()
    {
        byte[][] seeds =
        [
            PcpCodec.WriteMapReply(new PcpMapReply(PcpResult.Success, 0, 1, new PcpMap(default, PortTransport.Tcp, 51413, ToyRouter.Client))),
            NatPmpCodec.WriteMapReply(new NatPmpMapReply(NatPmpResult.Success, 1, new NatPmpMapRequest(PortTransport.Tcp, 51413, 0, 1))),
            NatPmpCodec.WriteAddressReply(new NatPmpAddressReply(NatPmpResult.Success, 1, ToyRouter.Client)),
            "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1/x\r\n\r\n"u8.ToArray(),
            "<r><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/</controlURL><errorCode>725</errorCode></r>"u8.ToArray(),
        ];
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var stage = new RouterStage(new ToyRouter { IsPolite = false }, seed: (ulong)seed);
            stage.Router.Knows.UnionWith(Enum.GetValues<MappingProtocol>().Where(_ => random.Next(3) == 0));
            for (var step = 0; step < 200; step++)
            {
                var bytes = (byte[])seeds[random.Next(seeds.Length)].Clone();
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                var source = random.Next(4) == 0 ? Stranger : ToyRouter.Address;
                stage.Tell(random.Next(7) switch
                {
                    0 or 1 => new PortMappingInput.Datagram(source, bytes),
                    2 => new PortMappingInput.Announcement(source, bytes),
                    3 => new PortMappingInput.SearchAnswer(source, bytes),
                    4 => new PortMappingInput.HttpAnswer(random.Next(12), random.Next(2) * 200, bytes),
                    5 => new PortMappingInput.Unreachable(),
                    _ => new PortMappingInput.Timer(),
                });
                stage.Run(TimeSpan.FromSeconds(random.Next(20)));
            }

            Assert.InRange(stage.SentAt.Count, 0, 1000);
            stage.Router.Knows.Clear();
            stage.Tell(new PortMappingInput.Release());
            stage.Run(TimeSpan.FromSeconds(15));
            Assert.True(stage.Machine.IsReleased, $"seed {seed}");
        }
    }
}
