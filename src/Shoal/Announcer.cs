using System.Net;
using System.Security.Cryptography;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;
using Shoal.Runtime.Hosting;
using Shoal.Sockets.Trackers;

namespace Shoal;

/// <summary>Carries the engine's announces to trackers and their answers back. Each order is answered once, in bounded time.</summary>
internal sealed class Announcer(SwarmHost host, TrackerClient client, PeerId self, IPAddress? advertise, Func<int> port)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceAtTheEnd = TimeSpan.FromSeconds(4);

    private readonly uint _key = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));

    /// <summary>Begins an announce and returns at once.</summary>
    public void Begin(SwarmId swarm, InfoHash infoHash, AnnounceOrder order) => _ = RunAsync(swarm, infoHash, order);

    private async Task RunAsync(SwarmId swarm, InfoHash infoHash, AnnounceOrder order)
    {
        // The caller is a turn of the engine: not a step of this may run on it.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var result = await AnnounceAsync(infoHash, order);
        host.Post(new Input(InputKind.Announced, swarm, Detail: result));
    }

    private async Task<AnnounceResult> AnnounceAsync(InfoHash infoHash, AnnounceOrder order)
    {
        if (!Uri.TryCreate(order.Tracker, UriKind.Absolute, out var url))
        {
            return new AnnounceResult(order.Tracker, order.Kind, "this is not a URL", RetryAfter: TimeSpan.MaxValue);
        }

        var patience = order.Kind == AnnounceKind.Stopped ? PatienceAtTheEnd : Patience;
        using var timeout = new CancellationTokenSource(patience);
        try
        {
            return Describe(order, await client.AnnounceAsync(url, Request(infoHash, order), timeout.Token));
        }
        catch (OperationCanceledException)
        {
            return new AnnounceResult(order.Tracker, order.Kind, $"no answer within {patience.TotalSeconds:F0} s");
        }
#pragma warning disable CA1031 // whatever goes wrong on the way to a tracker is that tracker's failure, and the engine waits for the answer
        catch (Exception error)
#pragma warning restore CA1031
        {
            return new AnnounceResult(order.Tracker, order.Kind, error.Message);
        }
    }

    private AnnounceRequest Request(InfoHash infoHash, AnnounceOrder order) => new(
        infoHash,
        self,
        (ushort)port(),
        advertise is null ? default : PeerAddress.From(advertise, port()),
        order.UploadedBytes,
        order.DownloadedBytes,
        order.LeftBytes,
        order.Kind switch
        {
            AnnounceKind.Started => AnnounceEvent.Started,
            AnnounceKind.Completed => AnnounceEvent.Completed,
            AnnounceKind.Stopped => AnnounceEvent.Stopped,
            _ => AnnounceEvent.None,
        },
        order.WantedPeerCount,
        _key);

    private static AnnounceResult Describe(AnnounceOrder order, AnnounceReply reply) => reply.Failure is { } failure
        ? new AnnounceResult(order.Tracker, order.Kind, failure.Text, RetryAfter: failure.RetryAfter)
        : new AnnounceResult(
            order.Tracker, order.Kind, null, reply.Interval, reply.MinimumInterval, null,
            reply.SeederCount, reply.LeecherCount, reply.Peers, reply.Warning);
}
