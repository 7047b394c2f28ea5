using Shoal.Engine.Announcing;
using Shoal.Protocol;

namespace Shoal.Engine.Swarms;

/// <summary>Carries out the announce plan: tells trackers how the swarm stands, and takes the peers they name.</summary>
internal sealed class Announcements(Swarm swarm, SwarmContext context, AnnouncePlan plan)
{
    /// <summary>Peers asked for by who needs some, and by a seeder that does not.</summary>
    private const int NeedyWants = 80;

    private const int SeederWants = 20;

    private bool _isPortUntold;
    private int _seederCount; // of the last answer
    private int _leecherCount;
    private int _metCountThen;

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

    /// <summary>Orders what is due. Who needs somebody, and knows nobody, asks before the regular time.</summary>
    public void Advance()
    {
        var needsPeers = IsLonely || IsWastedSeeder;
        if (needsPeers)
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
                WantedPeerCount: kind == AnnounceKind.Stopped ? 0 : context.IsSeeding && !needsPeers ? SeederWants : NeedyWants);
            context.Emit(new Output(OutputKind.Announce, context.Id, Detail: order));
        }
    }

    private bool IsLonely => swarm.Phase is SwarmPhase.Downloading or SwarmPhase.FetchingMetadata &&
        context.Connections.Count == 0 && context.Book.CandidateCount == 0;

    // In a crowd the links of leechers are full with each other, and they look for nobody: a seeder for whose slots nobody waits has to call them.
    // Not where seeders are enough, else each of thousands would ask once a minute for a few leechers.
    private bool IsWastedSeeder => swarm.Phase == SwarmPhase.Seeding && _leecherCount + swarm.Links.MetCount - _metCountThen > _seederCount &&
        context.Book.Deadline > context.Now && !context.Connections.Exists(connection => connection is { IsInterested: true, AmChoking: true });

    // A tracker answered or failed.
    private void Answered(AnnounceResult result)
    {
        plan.Handle(context.Now, result);
        if (result.Failure is null)
        {
            (_seederCount, _leecherCount, _metCountThen) = (result.SeederCount ?? 0, result.LeecherCount ?? 0, swarm.Links.MetCount);
        }

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
