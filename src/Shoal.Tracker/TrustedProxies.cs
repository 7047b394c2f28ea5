using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Shoal.Protocol;

namespace Shoal.Tracker;

/// <summary>
/// The reverse proxies in front of a tracker, which are believed when they say who asks (X-Forwarded-For) and for which URL. Each proxy
/// appends whom it heard, so the list is read from its end, as far as its writers are trusted: what stands before is a
/// client's own claim. Immutable; without proxies it costs nothing.
/// </summary>
internal sealed class TrustedProxies(IReadOnlyList<IPNetwork> networks)
{
    /// <summary>Whose connection it is.</summary>
    public static PeerAddress SourceOf(IFeatureCollection context) =>
        PeerAddress.From(context.GetRequiredFeature<IHttpConnectionFeature>().RemoteIpAddress ?? IPAddress.Loopback, 0);

    /// <summary>For whom proxies say that they ask. Text only where one spoke: the plain announce allocates nothing.</summary>
    public static byte[] ForwardedFor(IFeatureCollection context) =>
        context.GetRequiredFeature<IHttpRequestFeature>().Headers["X-Forwarded-For"] is { Count: > 0 } said ? Encoding.ASCII.GetBytes(string.Join(',', said.ToArray())) : [];

    /// <summary>Who asks; kind None if a proxy that is trusted names no IP address: those count as one.</summary>
    public PeerAddress ClientOf(IFeatureCollection context) => Resolve(SourceOf(context), ForwardedFor(context));

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

    /// <summary>
    /// Where the client believes to have asked, as scheme and host: what a trusted proxy says of it (the last of X-Forwarded-Proto and
    /// X-Forwarded-Host), else as it was asked for; a client of HTTP 1.0 may not say.
    /// </summary>
    public string OriginOf(HttpContext context)
    {
        var scheme = context.Request.Scheme;
        var host = context.Request.Host is { HasValue: true } asked ? asked.Value
            : new IPEndPoint(context.Connection.LocalIpAddress ?? IPAddress.Loopback, context.Connection.LocalPort).ToString();
        if (IsTrusted(PeerAddress.From(context.Connection.RemoteIpAddress ?? IPAddress.Any, 0)))
        {
            scheme = Last("X-Forwarded-Proto") is { } said && (said.Equals("https", StringComparison.OrdinalIgnoreCase) || said.Equals("http", StringComparison.OrdinalIgnoreCase))
                ? said.ToLowerInvariant() : scheme;
            // Nothing but a host and a port: it becomes part of a URL.
            host = Last("X-Forwarded-Host") is { } name && Uri.TryCreate($"{scheme}://{name}/", UriKind.Absolute, out var url) && url.PathAndQuery == "/" && url.UserInfo.Length == 0
                ? url.Authority : host;
        }

        return $"{scheme}://{host}";

        string? Last(string header) => context.Request.Headers[header].ToString() is { Length: > 0 } values ? values[(values.LastIndexOf(',') + 1)..].Trim() : null;
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
