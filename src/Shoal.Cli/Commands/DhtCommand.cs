using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Shoal.Cli.Reporting;
using Shoal.Discovery;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Sockets.Dht;

namespace Shoal.Cli.Commands;

/// <summary>`shoal dht`: a node of the DHT; `shoal dht get-peers`: asks the DHT who has a torrent.</summary>
internal static class DhtCommand
{
    /// <summary>How long one waits for the first node to answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly Argument<string> Hash = new("hash") { Description = "The info-hash, or a magnet link" };

    private static readonly Option<bool> NoBootstrap = new("--no-bootstrap")
    {
        Description = "Begin at nobody: wait for others, or at the nodes that an earlier run knew",
    };

    private static readonly Option<string?> State = new("--state")
    {
        Description = "The file that keeps id and nodes from one run to the next (default: 'dht' in the state directory)", HelpName = "FILE",
    };

    public static Command Create()
    {
        var getPeers = new Command("get-peers", "Ask the DHT once who has a torrent")
        {
            Hash, SharedOptions.DhtBootstrap, SharedOptions.Bind, SharedOptions.Verbose,
        }.WithOutput();
        getPeers.Action = new CommandAction(
            GetPeersAsync, "shoal dht get-peers 0123456789abcdef0123456789abcdef01234567 --dht-bootstrap 192.0.2.7:6881");
        var command = new Command("dht", "Run a node of the DHT, and show how it stands")
        {
            SharedOptions.DhtBootstrap, NoBootstrap, State, SharedOptions.Bind, SharedOptions.Port, SharedOptions.Verbose, getPeers,
        }.WithOutput();
        command.Validators.Add(result =>
        {
            if (result.GetValue(NoBootstrap) && result.GetValue(SharedOptions.DhtBootstrap) is { Length: > 0 })
            {
                result.AddError("--dht-bootstrap and --no-bootstrap exclude each other");
            }
        });
        command.Action = new CommandAction(RunAsync, "shoal dht --port 6881", "shoal dht --no-bootstrap --bind 127.0.0.1 --port 6881 --json");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var parse = invocation.Parse;
        var state = parse.GetValue(State) ?? Path.Combine(ShoalOptions.DefaultStateDirectory, "dht");
        if (Directory.Exists(state))
        {
            throw new UserErrorException($"'{Printable.Of(state)}' is a folder, not a file");
        }

        await using var reporter = invocation.CreateReporter();
        await using var client = Start(invocation, new DhtClientOptions
        {
            Port = parse.GetValue(SharedOptions.Port) ?? 0,
            StateFile = state,
            Bootstrap = parse.GetValue(NoBootstrap) ? [] : BootstrapOf(parse),
        });
        reporter.Report(new ListeningEvent((parse.GetValue(SharedOptions.Bind) ?? IPAddress.Any).ToString(), client.Port, "DHT node"));
        var last = client.Status;
        var lastAt = TimeProvider.System.GetTimestamp();
        try
        {
            while (true)
            {
                await Task.Delay(reporter.ProgressInterval, invocation.Stop);
                var status = client.Status;
                var seconds = TimeProvider.System.GetElapsedTime(lastAt).TotalSeconds;
                for (var i = 0; i < status.Count; i++)
                {
                    reporter.Report(ToEvent(status[i], (status[i].Status.QueriesReceived - last[i].Status.QueriesReceived) / seconds));
                }

                (last, lastAt) = (status, TimeProvider.System.GetTimestamp());
            }
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Ok; // Ctrl-C is how it ends.
        }
    }

    private static async Task<int> GetPeersAsync(Invocation invocation)
    {
        var text = invocation.Parse.GetValue(Hash)!;
        var infoHash = InfoHash.TryParse(text, out var parsed) ? parsed
            : MagnetLink.TryParse(text, out var link, out _) ? link.InfoHash
            : throw new UserErrorException($"'{Printable.Of(text)}' is neither an info-hash nor a magnet link");
        await using var reporter = invocation.CreateReporter();
        await using var client = Start(invocation, new DhtClientOptions { IsReadOnly = true, Bootstrap = BootstrapOf(invocation.Parse) });
        await JoinAsync(client, invocation.Stop);
        var results = await client.GetPeersAsync(
            infoHash, peer => reporter.Report(new DhtPeerEvent(infoHash, peer.ToString())), invocation.Stop);
        foreach (var (result, (family, _)) in results.Zip(client.Status).Where(pair => pair.First.QueryCount > 0))
        {
            reporter.Report(new DhtLookupEvent(
                NameOf(family), infoHash, result.PeerCount, result.Hops, result.QueryCount, result.AnswerCount, result.Duration.TotalSeconds));
        }

        return results.Any(result => result.PeerCount > 0) ? ExitCode.Ok
            : throw new UserErrorException($"the DHT knows no peers of {infoHash}", ExitCode.Failed);
    }

    // Until somebody answered and the way to our own place was gone: then the nodes near by are known.
    private static async Task JoinAsync(DhtClient client, CancellationToken stop)
    {
        var begin = TimeProvider.System.GetTimestamp();
        while (client.Status.All(node => node.Status.NodeCount == 0) || client.Status.Any(node => node.Status.LookupCount > 0))
        {
            if (TimeProvider.System.GetElapsedTime(begin) > Patience)
            {
                if (client.Status.All(node => node.Status.NodeCount == 0))
                {
                    throw new UserErrorException($"no node of the DHT answered within {Patience.TotalSeconds:F0} s", ExitCode.Failed);
                }

                return;
            }

            await Task.Delay(100, stop);
        }
    }

    private static DhtClient Start(Invocation invocation, DhtClientOptions options)
    {
        var address = invocation.Parse.GetValue(SharedOptions.Bind);
        if (DiscoveryOptions.IsOffInEnvironment() && !(address is not null && IPAddress.IsLoopback(address)))
        {
            throw new UserErrorException($"{DiscoveryOptions.Variable}=off leaves no DHT but on this machine (--bind 127.0.0.1)");
        }

        try
        {
            return new DhtClient(options with { BindAddress = address, Logger = invocation.Loggers.CreateLogger("dht") });
        }
        catch (SocketException error)
        {
            throw new UserErrorException(
                error.SocketErrorCode == SocketError.AddressAlreadyInUse ? $"UDP port {options.Port} is in use" : $"cannot use UDP port {options.Port}: {error.Message}",
                ExitCode.Environment, error);
        }
    }

    private static IReadOnlyList<DnsEndPoint> BootstrapOf(ParseResult parse) =>
        parse.GetValue(SharedOptions.DhtBootstrap) is { Length: > 0 } named
            ? [.. named.Select(text => MagnetPeer.TryParse(text, out var node) ? new DnsEndPoint(node.Host, node.Port) : throw new UserErrorException($"'{text}' is not HOST:PORT"))]
            : DhtClientOptions.PublicBootstrap;

    private static DhtEvent ToEvent((PeerAddressKind Family, DhtStatus Status) node, double queriesPerSecond)
    {
        var (family, status) = node;
        var seen = status.ExternalAddress.Kind == PeerAddressKind.None ? null : status.ExternalAddress.ToIPAddress().ToString();
        return new DhtEvent(
            NameOf(family), status.Id.ToString(), seen, status.NodeCount, status.BucketCount, status.TorrentCount, status.PeerCount,
            Math.Round(queriesPerSecond, 1), status.QueriesReceived, status.QueriesRefused, status.PacketsDropped);
    }

    private static string NameOf(PeerAddressKind family) => family == PeerAddressKind.IPv4 ? "ipv4" : "ipv6";
}
