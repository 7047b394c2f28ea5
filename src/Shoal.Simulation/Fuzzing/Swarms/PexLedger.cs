using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Simulation.Fuzzing.Swarms;

/// <summary>What has gone over one link of peer exchange: what may be told, to whom, and how often (BEP 11).</summary>
internal sealed class PexLedger
{
    private static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(60);

    private readonly HashSet<PeerAddress> _told = [];
    private byte _id; // under which the peer takes it
    private Instant? _toldAt;

    /// <summary>The peer says something.</summary>
    public void Received(in PeerMessage message)
    {
        if (message.Begin == ExtensionHandshake.Id && ExtensionHandshake.TryRead(message.Payload.Span, out var handshake) is null)
        {
            _id = handshake.PexId ?? _id;
        }
    }

    /// <summary>The machine says something.</summary>
    public void Sent(Instant now, in PeerMessage message)
    {
        // A peer may have given one id to two extensions, or the handshake's own: then nobody can say what this is.
        if (_id == 0 || message.Begin != _id || PexMessage.TryRead(message.Payload.Span, out var pex) is not null || pex.Added.Count + pex.Dropped.Count == 0)
        {
            return;
        }

        Safety.Require(_toldAt is not { } last || now - last >= LeastInterval, "a peer is told of others too often");
        Safety.Require(
            pex.Added.Count <= PexMessage.MaximumCount && pex.Dropped.Count <= PexMessage.MaximumCount,
            $"a peer is told of {pex.Added.Count} others at once, and that {pex.Dropped.Count} are gone");
        _toldAt = now;
        foreach (var (address, _) in pex.Added)
        {
            Safety.Require(_told.Add(address), $"a peer is told of {address} twice");
            Safety.Require(!address.IsLoopback && !address.IsLinkLocal, $"a peer is told of {address}, which means nothing to it");
        }

        foreach (var address in pex.Dropped)
        {
            Safety.Require(_told.Remove(address), $"a peer is told that {address} is gone, of which it never heard");
        }
    }
}
