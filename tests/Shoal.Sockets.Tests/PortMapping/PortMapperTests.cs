using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Shoal.Engine.PortMapping;
using Shoal.Protocol.PortMapping;
using Shoal.Sockets.PortMapping;

namespace Shoal.Sockets.Tests.PortMapping;

/// <summary>Sockets against a router that is kind, silent or hostile.</summary>
public sealed class PortMapperTests
{
    private readonly Channel<PortMappingOutput> _told = Channel.CreateUnbounded<PortMappingOutput>();

    private PortMapper Start(PortMapperOptions options)
    {
        var mapper = new PortMapper(options, output => _told.Writer.TryWrite(output));
        mapper.Map(PortTransport.Tcp, 51413);
        mapper.Start();
        return mapper;
    }

    private async Task<PortMappingOutput> NextAsync() => await _told.Reader.ReadAsync(TestContext.Current.CancellationToken);

    [Fact]
    public async Task A_port_is_mapped_and_given_back_by_datagrams()
    {
        List<uint> lifetimes = [];
        await using var gateway = new ScriptedGateway();
        gateway.OnDatagram = packet =>
        {
            lifetimes.Add(PcpCodec.TryReadMapRequest(packet, out var request) ? request.LifetimeSeconds : 0);
            return ScriptedGateway.GrantPcp(packet);
        };
        await using (var mapper = Start(gateway.Options))
        {
            var port = Assert.IsType<PortMappingOutput.Mapped>(await NextAsync()).Port;
            Assert.Equal(new MappedPort(PortTransport.Tcp, 51413, ScriptedGateway.External.WithPort(51413), MappingProtocol.Pcp), port);
            mapper.Map(PortTransport.Udp, 51414);
            Assert.Equal(PortTransport.Udp, Assert.IsType<PortMappingOutput.Mapped>(await NextAsync()).Port.Transport);
            Assert.Equal(2, mapper.Status.Mapped.Count);
        }

        Assert.Equal([3600u, 3600u, 0u, 0u], lifetimes);
    }

    [Fact]
    public async Task A_port_is_mapped_and_given_back_by_upnp()
    {
        await using var gateway = new ScriptedGateway();
        gateway.GrantUpnp();
        await using (Start(gateway.Options with { Protocols = [MappingProtocol.Upnp] }))
        {
            Assert.Equal(MappingProtocol.Upnp, Assert.IsType<PortMappingOutput.Mapped>(await NextAsync()).Port.Protocol);
        }

        Assert.Contains("#AddPortMapping", gateway.Requests.ElementAt(2), StringComparison.Ordinal);
        Assert.Contains("<NewInternalClient>127.0.0.1</NewInternalClient>", gateway.Requests.ElementAt(2), StringComparison.Ordinal);
        Assert.Contains("#DeletePortMapping", gateway.Requests.ElementAt(3), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nobody_listens_it_is_told_at_once()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using var gateway = new ScriptedGateway();
        var options = gateway.Options with { Gateway = (IPEndPoint)closed.LocalEndPoint!, Protocols = [MappingProtocol.Pcp, MappingProtocol.NatPmp] };
        closed.Dispose();
        await using var mapper = Start(options);
        Assert.Equal("no router answers to PCP or NAT-PMP", Assert.IsType<PortMappingOutput.Failed>(await NextAsync()).Reason);
        Assert.Equal("no router answers to PCP or NAT-PMP", mapper.Status.Failure);
    }

    [Fact]
    public async Task The_end_does_not_wait_for_a_router_that_is_silent()
    {
        await using var gateway = new ScriptedGateway();
        gateway.OnDatagram = ScriptedGateway.GrantPcp;
        await using (Start(gateway.Options with { ReleasePatience = TimeSpan.FromMilliseconds(100) }))
        {
            await NextAsync();
            gateway.OnDatagram = _ => null;
        }
    }

    [Fact]
    public async Task An_answer_from_elsewhere_counts_for_nothing()
    {
        using var liar = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await using var gateway = new ScriptedGateway();
        var asked = new TaskCompletionSource<byte[]>();
        var isTold = false;
        gateway.OnDatagram = packet =>
        {
            asked.TrySetResult(packet);
            return isTold ? ScriptedGateway.GrantPcp(packet) : null;
        };
        // The liar knows all that was asked, the nonce too; only the address it answers from is not the router's.
        await using var mapper = Start(gateway.Options with { BindAddress = IPAddress.Parse("127.0.0.3") });
        Assert.True(PcpCodec.TryReadMapRequest(await asked.Task, out var request));
        var lie = PcpCodec.WriteMapReply(new PcpMapReply(PcpResult.Success, 3600, 1, request.Map with { External = ScriptedGateway.External.WithPort(666) }));
        foreach (var port in OpenPorts("127.0.0.3"))
        {
            liar.SendTo(lie, new IPEndPoint(IPAddress.Parse("127.0.0.3"), port));
        }

        isTold = true;
        Assert.Equal(51413, Assert.IsType<PortMappingOutput.Mapped>(await NextAsync()).Port.External.Port);
    }

    [Theory]
    [InlineData("redirect", "the router (UPnP) describes nothing that maps ports")]
    [InlineData("control elsewhere", "the router (UPnP) describes nothing that maps ports")]
    [InlineData("huge", "the router (UPnP) describes nothing that maps ports")]
    [InlineData("endless head", "the router (UPnP) describes nothing that maps ports")]
    [InlineData("bomb", "the router (UPnP) describes nothing that maps ports")]
    [InlineData("no HTTP", "the router (UPnP) describes nothing that maps ports")]
    [InlineData("cut off", "the router (UPnP) describes nothing that maps ports")]
    [InlineData("drop by drop", "the router (UPnP) describes nothing that maps ports")]
    [InlineData("control drop by drop", "the router (UPnP) did not answer within 0.3 s")]
    [InlineData("control redirect", "the router (UPnP) answered with HTTP status 307")]
    public async Task A_device_that_answers_what_it_should_not_costs_little_and_leads_nowhere(string what, string reason)
    {
        await using var elsewhere = new ScriptedGateway();
        await using var gateway = new ScriptedGateway();
        gateway.OnSearch = () => ScriptedGateway.Found(gateway.Url);
        gateway.OnHttp = (request, stream) => MisbehaveAsync(what, request.StartsWith("GET", StringComparison.Ordinal), stream, elsewhere.Url);
        await using var mapper = Start(gateway.Options with { Protocols = [MappingProtocol.Upnp], HttpPatience = TimeSpan.FromMilliseconds(300) });
        Assert.Equal(reason, Assert.IsType<PortMappingOutput.Failed>(await NextAsync()).Reason);
        Assert.Empty(elsewhere.Requests);
        Assert.Empty(mapper.Status.Mapped);
    }

    private static Task MisbehaveAsync(string what, bool isDescription, NetworkStream stream, Uri elsewhere) => (what, isDescription) switch
    {
        ("redirect", _) => ScriptedGateway.SayAsync(stream, "", "302 Found", $"Location: {elsewhere}\r\n"),
        // Another port of the same host may be the device's; another host may not.
        ("control elsewhere", true) => ScriptedGateway.SayAsync(stream, ScriptedGateway.Describe($"http://127.0.0.2:{elsewhere.Port}/")),
        ("huge", true) => ScriptedGateway.SayAsync(stream, new string(' ', 1 << 20) + ScriptedGateway.Describe("/ctl")),
        ("endless head", _) => RepeatAsync(stream, "HTTP/1.1 200 OK\r\n", "X: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", TimeSpan.Zero),
        ("bomb", true) => ScriptedGateway.SayAsync(stream, $"<!DOCTYPE r [<!ENTITY a \"{new string('a', 9999)}\">]><r>&a;{ScriptedGateway.Describe("/ctl")}</r>"),
        ("no HTTP", _) => stream.WriteAsync(Encoding.ASCII.GetBytes("220 welcome\r\n")).AsTask(),
        ("cut off", _) => stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<root>")).AsTask(),
        ("drop by drop", _) or ("control drop by drop", false) =>
            RepeatAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", " ", TimeSpan.FromMilliseconds(20)),
        ("control redirect", false) => ScriptedGateway.SayAsync(stream, "", "307 Temporary Redirect", $"Location: {elsewhere}\r\n"),
        _ => ScriptedGateway.SayAsync(stream, ScriptedGateway.Describe("/ctl")),
    };

    private static async Task RepeatAsync(NetworkStream stream, string first, string then, TimeSpan pause)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(first));
        while (true)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(then));
            await Task.Delay(pause);
        }
    }

    private static IEnumerable<int> OpenPorts(string address) => System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties()
        .GetActiveUdpListeners().Where(point => point.Address.ToString() == address).Select(point => point.Port);
}
