namespace Shoal.Engine.Swarms;

/// <summary>
/// What becomes of a torrent that turns out to be private (BEP 27), be it by its metadata, at once, or by the content: nobody is told of others
/// any more, what was hearsay is forgotten, and links that we opened by it end, though they got through. Whom trackers and users named
/// stays; so do those that came to us, since they may have us from a tracker.
/// </summary>
internal sealed class Privacy(Swarm swarm, SwarmContext context, PeerExchange exchange)
{
    /// <summary>It is known whether the torrent is private.</summary>
    public void Known(bool isPrivate)
    {
        if (!isPrivate || context.IsPrivate)
        {
            return;
        }

        context.IsPrivate = true;
        context.Book.ForgetUnnamed();
        foreach (var connection in context.Connections.ToArray())
        {
            if (!connection.Link.IsIncoming && !context.Book.Contains(connection.Address))
            {
                swarm.Links.Close(connection, "the torrent is private, and no tracker named this peer");
            }
        }

        exchange.Withdraw();
    }
}
