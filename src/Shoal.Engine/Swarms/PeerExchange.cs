using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Peers tell each other whom they are linked to (BEP 11). Each is told once a minute at most what has changed since it was told last; what
/// it tells us is hearsay, of which the <see cref="PeerBook"/> keeps little from each. Nothing of a private torrent (BEP 27) is told or
/// heard: until the metadata is known nobody can say whether it is one, and once it turns out to be, the offer is withdrawn.
/// </summary>
internal sealed class PeerExchange(Swarm swarm, SwarmContext context)
{
    /// <summary>The id under which we take messages of peer exchange.</summary>
    public const byte ExtensionId = 1;

    /// <summary>Peers that one link's other side is told of at most, over all messages and less those that are gone again.</summary>
    public const int MaximumToldCount = 200;

    /// <summary>Between two messages to a peer.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(60);

    /// <summary>Before the first, in which a young swarm finds most of its links; and where there was nothing to tell.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);

    /// <summary>A message that comes sooner after the last one that counted does not count; a little less than is allowed, since clocks differ.</summary>
    private static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(45);

    /// <summary>Whether peers are told of each other here, as far as is known.</summary>
    public bool IsOffered => IsOn && !context.IsPrivate;

    private bool IsOn => context is { Options.ExchangesPeers: true, IsTrusted: false };

    /// <summary>The peer says under which id it takes our messages; 0 for none any more.</summary>
    public void Offered(PeerConnection connection, byte id)
    {
        connection.PexExtensionId = id;
        if (connection.PexTellAt == Instant.Never)
        {
            connection.PexTellAt = context.Now + LookInterval;
        }
    }

    /// <summary>A message of peer exchange came. A text is a reason to hang up.</summary>
    public string? Received(PeerConnection connection, ReadOnlySpan<byte> body)
    {
        if (!IsOffered || (connection.PexHeardAt is { } last && context.Now - last < LeastInterval))
        {
            return null; // late, after it was withdrawn, or too often: it costs nothing but the flood that it may be (PeerMessages)
        }

        if (PexMessage.TryRead(body, out var message) is { } violation)
        {
            return violation.Text;
        }

        connection.PexHeardAt = context.Now;
        var room = Math.Min(PexMessage.MaximumCount, PeerBook.MaximumCountPerSource - context.Book.CountFrom(connection.Link));
        foreach (var (address, flags) in message.Added)
        {
            // Two who have everything have nothing to say to each other, and one link to a peer is enough.
            var isUseless = (context.IsSeeding && flags.HasFlag(PexFlags.IsSeeder)) || context.Connections.Exists(other => other.Home == address);
            if (room > 0 && !isUseless && MayPass(address, connection) && context.Book.TryAddHearsay(address, connection.Link, context.Now))
            {
                room--;
            }
        }

        swarm.Links.ConnectMore();
        return null;
    }

    /// <summary>The torrent turned out to be private: the offer is taken back.</summary>
    public void Withdraw()
    {
        foreach (var connection in context.Connections)
        {
            if (IsOn && connection is { Phase: ConnectionPhase.Open, SupportsExtensions: true })
            {
                context.Send(connection, new ExtensionHandshake { PexId = 0 }.ToMessage());
            }
        }
    }

    /// <summary>Tells whom it is time to tell.</summary>
    public void Tick()
    {
        if (!IsOffered || !context.IsRunning)
        {
            return;
        }

        foreach (var connection in context.Connections)
        {
            if (connection is { Phase: ConnectionPhase.Open, PexExtensionId: > 0 } && connection.PexTellAt <= context.Now)
            {
                Tell(connection);
            }
        }
    }

    private void Tell(PeerConnection listener)
    {
        var told = listener.PexTold;
        List<PexPeer> added = [];
        SortedSet<PeerAddress> gone = new(told);
        foreach (var other in context.Connections)
        {
            if (other == listener || other.Phase != ConnectionPhase.Open || !IsTellable(other.Home) || !MayPass(other.Home, listener))
            {
                continue;
            }

            gone.Remove(other.Home);
            if (added.Count < PexMessage.MaximumCount && told.Count < MaximumToldCount && told.Add(other.Home))
            {
                added.Add(new PexPeer(other.Home, FlagsOf(other)));
            }
        }

        PeerAddress[] dropped = [.. gone.Take(PexMessage.MaximumCount)];
        told.ExceptWith(dropped);
        var isNews = added.Count + dropped.Length > 0;
        listener.PexTellAt = context.Now + (isNews ? Interval : LookInterval);
        if (isNews)
        {
            context.Send(listener, new PexMessage(added, dropped).ToMessage(listener.PexExtensionId));
        }
    }

    private static PexFlags FlagsOf(PeerConnection connection) =>
        (connection.PrefersEncryption ? PexFlags.PrefersEncryption : PexFlags.None) |
        (connection.IsSeeder ? PexFlags.IsSeeder : PexFlags.None) |
        (connection.Link.IsIncoming ? PexFlags.None : PexFlags.IsReachable);

    private static bool IsTellable(PeerAddress address) =>
        address is { Kind: PeerAddressKind.IPv4 or PeerAddressKind.IPv6, IsUnreachable: false, IsLinkLocal: false };

    // Nobody is told of itself; and what is a machine's own, or a network's, means another, or a trap, to whoever is elsewhere.
    private static bool MayPass(PeerAddress address, PeerConnection connection) =>
        address != connection.Home && !address.IsLinkLocal && (!address.IsLoopback || connection.Address.IsLoopback) &&
        (!AddressScope.IsLocal(address) || AddressScope.IsLocal(connection.Address));
}
