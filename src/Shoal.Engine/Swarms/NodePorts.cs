using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>Tells peers at which port our DHT node is, and hears where theirs are (BEP 5). Nothing of it for a private torrent (BEP 27).</summary>
internal sealed class NodePorts(SwarmContext context)
{
    private bool HasNode => context is { NodePort: > 0, IsPrivate: false };

    /// <summary>The handshake is done.</summary>
    public void Introduce(PeerConnection connection)
    {
        if (HasNode && connection.SupportsDht)
        {
            context.Send(connection, new PeerMessage(PeerMessageKind.Port, Begin: SwarmContext.IsBeyondRouter(connection.Address) ? context.NodePort : context.Options.DhtPort));
        }
    }

    /// <summary>The peer runs a node. Its first word counts: it has one.</summary>
    public void Heard(PeerConnection connection, int port)
    {
        if (HasNode && port != 0 && !connection.ToldOfNode)
        {
            connection.ToldOfNode = true;
            context.Emit(new SwarmEvent.DhtNodeTold(connection.Address.WithPort((ushort)port)));
        }
    }
}
