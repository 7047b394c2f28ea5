using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Opens links, gets them through the handshake, and lets go of those that are dead, double, useless or hostile.
/// </summary>
internal sealed class Links(Swarm swarm, SwarmContext context, Uploader uploader)
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(180);

    private readonly Turnover _turnover = new(context);

    private bool HasRoom => context.IsRunning && context.Connections.Count < context.Options.MaximumConnectionCount;

    private bool HasRoomForIncoming => HasRoom && context.Limits.ConnectionCount < context.Limits.MaximumConnectionCount;

    /// <summary>Links that others opened to us and that got through the handshake, ever.</summary>
    public int MetCount { get; private set; }

    /// <summary>When the next candidate should be tried.</summary>
    public Instant Deadline
    {
        get
        {
            if (!HasRoom || !_turnover.MayOpen)
            {
                return Instant.Never;
            }

            var next = context.Book.Deadline;
            return context.Limits.HasRoom || next == Instant.Never ? next : Later(next, context.Now + TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Somebody named an address, or it was found.</summary>
    public void Found(PeerAddress address, bool isHearsay)
    {
        if (!isHearsay)
        {
            context.Book.Add(address, context.Now);
        }
        else if (!context.IsPrivate)
        {
            context.Book.TryAddHearsay(address, null, context.Now);
        }

        ConnectMore();
    }

    /// <summary>Tries candidates while there is room.</summary>
    public void ConnectMore()
    {
        while (HasRoom && _turnover.MayOpen && context.Limits.HasRoom && context.Book.TryTake(context.Now, out var address))
        {
            var link = context.Limits.NextLink();
            context.AddConnection(new PeerConnection(link, address, context.Now, context.Options.MaximumRequestDepth));
            _turnover.Opened(link);
            context.Emit(new Output(OutputKind.Connect, context.Id, link, Address: address));
        }
    }

    /// <summary>A link is open, be it ours or theirs.</summary>
    public void Opened(LinkId link, PeerAddress address)
    {
        if (link.IsIncoming)
        {
            if (!HasRoomForIncoming && context.IsRunning && _turnover.ForIncoming() is { } idle)
            {
                Close(idle, "makes room for another");
            }

            if (!HasRoomForIncoming)
            {
                context.Emit(new Output(OutputKind.CloseLink, context.Id, link, Detail: "we have enough peers"));
                return;
            }

            context.AddConnection(new PeerConnection(link, address, context.Now, context.Options.MaximumRequestDepth)
            {
                Phase = ConnectionPhase.Handshaking,
            });
        }
        else if (context.Find(link) is { Phase: ConnectionPhase.Connecting } connection)
        {
            connection.Phase = ConnectionPhase.Handshaking;
            connection.LastReceivedAt = context.Now;
            SendHandshake(connection);
        }
    }

    /// <summary>The peer's handshake came.</summary>
    public void ShookHands(PeerConnection connection, Handshake handshake)
    {
        connection.Id = handshake.PeerId;
        connection.SupportsFast = handshake.SupportsFast;
        connection.SupportsExtensions = handshake.SupportsExtensions;
        connection.SupportsDht = handshake.SupportsDht;
        if (handshake.PeerId == context.Self)
        {
            if (connection.Link.IsIncoming)
            {
                SendHandshake(connection); // its other end, also ours, knows the address, and is to learn whose it is
            }
            else
            {
                context.Book.MarkOurs(connection.Address);
            }

            Close(connection, "that is ourselves");
        }
        else if (handshake.InfoHash != context.Options.InfoHash)
        {
            Close(connection, "is in another swarm");
        }
        else if (context.Book.IsBanned(connection.Address, handshake.PeerId))
        {
            context.Book.Remove(connection.Address);
            Close(connection, "is banned");
        }
        else if (ResolveDouble(connection))
        {
            Admit(connection);
        }
    }

    public void Ban(PeerConnection connection, string reason)
    {
        context.Book.Ban(connection.Address, connection.Id);
        context.Emit(new SwarmEvent.PeerBanned(connection.Address, reason));
        Close(connection, reason);
    }

    /// <summary>Lets go of a link. What it had requested is free for others at once.</summary>
    public void Close(PeerConnection connection, string reason)
    {
        if (connection.Phase == ConnectionPhase.Closing)
        {
            return;
        }

        LetGo(connection, reason);
        context.Emit(new Output(OutputKind.CloseLink, context.Id, connection.Link, Detail: reason));
    }

    /// <summary>The link is gone.</summary>
    public void Closed(LinkId link, string? reason)
    {
        if (context.Find(link) is { } connection)
        {
            LetGo(connection, reason ?? "closed by the peer");
        }

        ConnectMore();
    }

    public void Tick()
    {
        // Backwards, since a close takes the link out of the list.
        for (var i = context.Connections.Count - 1; i >= 0; i--)
        {
            var connection = context.Connections[i];
            connection.FloodCount /= 2;
            if (connection.IsHalfOpen)
            {
                if (context.Now - connection.OpenedAt > HandshakeTimeout)
                {
                    Close(connection, "no handshake in time");
                }
            }
            else if (uploader.IsStuck(connection))
            {
                Close(connection, "takes nothing of what it asked for");
            }
            else if (context.Now - connection.LastReceivedAt > IdleTimeout)
            {
                Close(connection, "silent for too long");
            }
            else if (context.Now - connection.LastSentAt > KeepAliveInterval)
            {
                context.Send(connection, PeerMessageKind.KeepAlive);
            }
        }

        if (_turnover.ForCandidate() is { } idle)
        {
            Close(idle, "makes room for another");
        }

        ConnectMore();
    }

    /// <summary>Two who have everything have nothing to say to each other.</summary>
    public void CloseIfUseless(PeerConnection connection)
    {
        if (context is { IsSeeding: true, TellsPieces: true } && connection.IsSeeder && !context.IsTrusted)
        {
            connection.IsUseless = true;
            Close(connection, "both of us are seeders");
        }
    }

    /// <summary>
    /// There is no message that takes back a bitfield: a peer that believes we have what we have given up would ask for it
    /// again and again. It shall come anew and see.
    /// </summary>
    public void CloseIfMisled(PeerConnection connection)
    {
        if (context is { IsSeeding: true, TellsPieces: true } && connection.Phase == ConnectionPhase.Open)
        {
            Close(connection, "we lost pieces that were offered");
        }
    }

    private void Admit(PeerConnection connection)
    {
        if (connection.Link.IsIncoming)
        {
            SendHandshake(connection);
            MetCount++;
        }

        connection.Phase = ConnectionPhase.Open;
        context.Limits.HandshakeDone();
        context.IsPlanOld = true;
        context.Book.Succeeded(connection.Address);
        context.Emit(new SwarmEvent.PeerConnected(connection.Address, connection.Id, connection.Link.IsIncoming));
        swarm.Introduce(connection);
    }

    /// <summary>
    /// Both sides of a double connection must close the same one: the link that the lower peer id opened stays. Of two
    /// that the same side opened, the older stays. False if this one went.
    /// </summary>
    private bool ResolveDouble(PeerConnection connection)
    {
        var other = context.Connections.Find(
            c => c != connection && c.Phase == ConnectionPhase.Open && c.Id == connection.Id);
        if (other is null)
        {
            return true;
        }

        var weAreLower = context.Self.CompareTo(connection.Id) < 0;
        var keepThis = other.Link.IsIncoming != connection.Link.IsIncoming && connection.Link.IsIncoming != weAreLower;
        var leaving = keepThis ? other : connection;
        leaving.IsUseless = true;
        Close(leaving, "connected twice");
        return keepThis;
    }

    private void SendHandshake(PeerConnection connection) =>
        context.Send(connection, new Handshake(context.Options.InfoHash, context.Self, SupportsFast: true, SupportsExtensions: true, context.NodePort != 0).ToMessage());

    private void LetGo(PeerConnection connection, string reason)
    {
        var wasHalfOpen = connection.IsHalfOpen;
        swarm.Leave(connection);
        connection.Phase = ConnectionPhase.Closing;
        context.RemoveConnection(connection);
        _turnover.Closed(connection.Link);
        uploader.Closed(connection);
        context.Limits.Closed(wasHalfOpen);
        if (!connection.Link.IsIncoming)
        {
            var failed = wasHalfOpen || connection.Downloaded.TotalBytes == 0;
            context.Book.Ended(connection.Address, failed, connection.IsUseless, context.Now);
        }

        context.Emit(new SwarmEvent.PeerDisconnected(connection.Address, reason));
    }

    private static Instant Later(Instant left, Instant right) => left > right ? left : right;
}
