using System.Diagnostics;
using Shoal.Engine.PortMapping;

namespace Shoal.Sockets.Tests.PortMapping;

/// <summary>A real router: miniupnpd of Debian, with the kernel's NAT, between a client and an internet of their own.</summary>
public sealed class RouterTests
{
    private const string Port = "51413";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(MappingProtocol.Pcp, 2, "PCP")]
    [InlineData(MappingProtocol.NatPmp, 2, "NAT-PMP")]
    [InlineData(MappingProtocol.Upnp, 2, "UPnP")]
    [InlineData(MappingProtocol.Upnp, 1, "UPnP")]
    public async Task Through_the_port_comes_who_connects_from_outside_until_the_end(MappingProtocol protocol, int igdVersion, string name)
    {
        await using var network = await RouterNetwork.StartAsync(upnp: protocol == MappingProtocol.Upnp, pcp: protocol != MappingProtocol.Upnp, igdVersion);
        Assert.DoesNotContain("hello", await ConnectAsync(network), StringComparison.Ordinal);
        using var holder = Hold(network, protocol.ToString(), lifetimeSeconds: 4);
        await SeeAsync(holder, $"mapped Tcp 11.22.33.1:{Port} {name}");
        await SeeAsync(holder, $"mapped Udp 11.22.33.1:{Port} {name}");
        Assert.Equal(2, await CountRulesAsync(network));
        Assert.Contains("hello", await ConnectAsync(network), StringComparison.Ordinal);
        Assert.Contains("hello", await SendAsync(network), StringComparison.Ordinal);

        // Twice half of the lease's time: without renewal, the router would have forgotten it.
        await SeeAsync(holder, $"renewed Tcp 11.22.33.1:{Port}");
        await SeeAsync(holder, $"renewed Tcp 11.22.33.1:{Port}");
        Assert.Equal(2, await CountRulesAsync(network));
        Assert.Contains("hello", await ConnectAsync(network), StringComparison.Ordinal);

        holder.StandardInput.Close();
        await SeeAsync(holder, "ended");
        Assert.Equal(0, await CountRulesAsync(network));
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    [InlineData(MappingProtocol.Upnp)]
    public async Task Where_the_router_gives_another_port_it_is_one_for_both_transports(MappingProtocol protocol)
    {
        const int Lowest = 51_420; // it tries one port after the other, and logs each
        await using var network = await RouterNetwork.StartAsync(upnp: protocol == MappingProtocol.Upnp, pcp: protocol != MappingProtocol.Upnp, lowestPort: Lowest);
        using var holder = Hold(network, protocol.ToString(), lifetimeSeconds: 3600);
        var tcp = PortOf(await SeeAsync(holder, "mapped Tcp 11.22.33.1:"));
        var udp = PortOf(await SeeAsync(holder, "mapped Udp 11.22.33.1:"));
        Assert.InRange(int.Parse(tcp), Lowest, 65535);
        Assert.Equal(tcp, udp);
        Assert.Contains("hello", await ConnectAsync(network, tcp), StringComparison.Ordinal);
        Assert.Contains("hello", await SendAsync(network, udp), StringComparison.Ordinal);
        holder.StandardInput.Close();
        await SeeAsync(holder, "ended");
        Assert.Equal(0, await CountRulesAsync(network));
    }

    [Fact]
    public async Task In_the_ways_that_the_router_knows_the_best_is_taken()
    {
        await using var network = await RouterNetwork.StartAsync(upnp: true, pcp: false, igdVersion: 2);
        using var holder = Hold(network, "Pcp,NatPmp,Upnp", lifetimeSeconds: 3600);
        await SeeAsync(holder, $"mapped Tcp 11.22.33.1:{Port} UPnP");
    }

    [Theory]
    [InlineData(MappingProtocol.Pcp)]
    [InlineData(MappingProtocol.NatPmp)]
    public async Task A_router_that_was_started_anew_maps_again_at_once(MappingProtocol protocol)
    {
        await using var network = await RouterNetwork.StartAsync(upnp: false, pcp: true, igdVersion: 2);
        using var holder = Hold(network, protocol.ToString(), lifetimeSeconds: 3600);
        await SeeAsync(holder, $"mapped Udp 11.22.33.1:{Port}");
        await network.RestartRouterAsync();
        await SeeAsync(holder, $"renewed Tcp 11.22.33.1:{Port}"); // by its lease it would be in half an hour
        await SeeAsync(holder, $"renewed Udp 11.22.33.1:{Port}");
        Assert.Equal(2, await CountRulesAsync(network));
        Assert.Contains("hello", await ConnectAsync(network), StringComparison.Ordinal);
    }

    private static Process Hold(RouterNetwork network, string protocols, int lifetimeSeconds) => network.Run(
        "client", Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet",
        Path.Combine(AppContext.BaseDirectory, "PortHolder.dll"), protocols, Port, $"{lifetimeSeconds}");

    private static Task<string> ConnectAsync(RouterNetwork network, string port = Port) =>
        network.ReadAsync("internet", "timeout", "5", "bash", "-c", $"exec 3<>/dev/tcp/11.22.33.1/{port} && head -n 1 <&3");

    private static Task<string> SendAsync(RouterNetwork network, string port = Port) =>
        network.ReadAsync("internet", "timeout", "5", "bash", "-c", $"exec 3<>/dev/udp/11.22.33.1/{port} && echo hi >&3 && head -n 1 <&3");

    private static string PortOf(string line) => line.Split(' ')[2].Split(':')[1];

    private static async Task<int> CountRulesAsync(RouterNetwork network) =>
        (await network.ReadAsync("router", "nft", "list", "chain", "inet", "filter", "prerouting_miniupnpd")).Split($"to 192.168.77.2:{Port}").Length - 1;

    private static async Task<string> SeeAsync(Process holder, string wanted)
    {
        var seen = "";
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            while (await holder.StandardOutput.ReadLineAsync(patience.Token) is { } line)
            {
                if (line.StartsWith(wanted, StringComparison.Ordinal))
                {
                    return line;
                }

                seen += line + "\n";
            }
        }
        catch (OperationCanceledException)
        {
            // It says below what came in its place.
        }

        Assert.Fail($"\"{wanted}\" did not come; there came:\n{seen}");
        return "";
    }
}
