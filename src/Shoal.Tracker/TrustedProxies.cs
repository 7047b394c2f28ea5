using System.Net;
using Shoal.Protocol;

namespace Shoal.Tracker;

/// <summary>
/// The reverse proxies in front of a tracker, which are believed when they say who asks (X-Forwarded-For). Each proxy
/// appends whom it heard, so the list is read from its end, as far as its writers are trusted: what stands before is a
/// client's own claim. Immutable; without proxies it costs nothing.
/// </summary>
internal sealed class TrustedProxies(IReadOnlyList<IPNetwork> networks)
{
    /// <summary>Who asks; kind None if a proxy that is trusted names no IP address.</summary>
    public PeerAddress Resolve(PeerAddress source, ReadOnlySpan<byte> forwardedFor)
    {
        while (!forwardedFor.IsEmpty && IsTrusted(source))
        {
            var comma = forwardedFor.LastIndexOf((byte)',');
            var last = forwardedFor[(comma + 1)..].Trim(" \t"u8);
            if (!IPAddress.TryParse(last, out var address))
            {
                return default;
            }

            source = PeerAddress.From(address, 0);
            forwardedFor = comma < 0 ? default : forwardedFor[..comma];
        }

        return source;
    }

    /// <summary>Whether the address is one of the proxies.</summary>
    public bool IsTrusted(PeerAddress source)
    {
        if (networks.Count == 0)
        {
            return false;
        }

        var address = source.ToIPAddress();
        foreach (var network in networks)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }
}
