using Shoal.Engine.Announcing;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>Carries out the announce plan: tells trackers how the swarm stands, and takes the peers they name.</summary>
internal sealed class Announcements(Swarm swarm, SwarmContext context, AnnouncePlan plan)
{
    /// <summary>Peers asked for by a leecher, and by a seeder.</summary>
    private const int LeecherWants = 80;

    private const int SeederWants = 20;

    private bool _isPortUntold;

    /// <summary>Something happened that trackers have to do with.</summary>
    public void Handle(in Input input)
    {
        switch (input.Kind)
        {
            case InputKind.PortChanged when input.Count != context.ListenPort:
                context.ListenPort = input.Count;
                _isPortUntold = true;
                plan.WantMorePeers(context.Now);
                break;
            case InputKind.TrackersForgot:
                plan.AnnounceAnew(context.Now);
                break;
            case InputKind.Announced:
                Answered((AnnounceResult)input.Detail!);
                break;
            default:
                break;
        }
    }

    /// <summary>Orders what is due. Who lacks something and knows nobody asks before the regular time.</summary>
    public void Advance()
    {
        if (swarm.Phase is SwarmPhase.Downloading or SwarmPhase.FetchingMetadata &&
            context.Connections.Count == 0 && context.Book.CandidateCount == 0)
        {
            plan.WantMorePeers(context.Now);
        }

        while (plan.TryPoll(context.Now, out var tracker, out var kind))
        {
            _isPortUntold = false;
            var order = new AnnounceOrder(
                tracker, kind, context.UploadedBytes, Math.Max(0, context.DownloadedBytes),
                // Before the layout is known nobody can say; anything but 0 makes us a leecher.
                context.Picker?.MissingBytes ?? PieceLayout.DefaultBlockLength,
                WantedPeerCount: kind == AnnounceKind.Stopped ? 0 : context.IsSeeding ? SeederWants : LeecherWants);
            context.Emit(new Output(OutputKind.Announce, context.Id, Detail: order));
        }
    }

    // A tracker answered or failed.
    private void Answered(AnnounceResult result)
    {
        plan.Handle(context.Now, result);
        if (_isPortUntold)
        {
            plan.WantMorePeers(context.Now); // what it answered was on its way before
        }

        context.Emit(new SwarmEvent.TrackerReplied(result));
        foreach (var address in result.Peers ?? [])
        {
            context.Book.Add(address, context.Now);
        }

        swarm.Links.ConnectMore();
    }
}
