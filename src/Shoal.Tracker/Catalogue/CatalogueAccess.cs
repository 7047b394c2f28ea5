using System.Net;
using Microsoft.AspNetCore.Http;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// Who may do what: everybody reads, unless it is private; publishing and removing needs a token, except from this machine itself, or
/// where it is open to all. A token that is sent counts, even where none is needed. Thread-safe.
/// </summary>
internal sealed class CatalogueAccess(CatalogueTokens tokens, CatalogueOptions options, TrustedProxies proxies)
{
    private const string Scheme = "Bearer ";

    /// <summary>
    /// Whether the request may do this to that name: null, or why not. <paramref name="by"/> is the token that it was sent with, if any.
    /// </summary>
    /// <exception cref="CatalogueException">The tokens cannot be read.</exception>
    public CatalogueDenial? Check(HttpContext context, CatalogueRights right, string name, out CatalogueToken? by) =>
        Check(context, right, out by, out var pattern) is { } denial ? denial
        : pattern?.IsMatch(name) == false ? new CatalogueDenial(StatusCodes.Status403Forbidden, $"the token '{by!.Name}' is for names like '{pattern}' only")
        : null;

    /// <summary>
    /// Whether the request may read names that are listed or told of in events: null, or why not. <paramref name="scope"/> is which of them it may
    /// see; all, if null.
    /// </summary>
    /// <exception cref="CatalogueException">The tokens cannot be read.</exception>
    public CatalogueDenial? CheckAll(HttpContext context, out NamePattern? scope)
    {
        var denial = Check(context, CatalogueRights.Read, out _, out scope);
        scope = options.IsPrivate ? scope : null;
        return denial;
    }

    /// <summary>The token that it was sent with, whatever that is worth; null if there is none.</summary>
    public static string? TokenOf(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : null;
    }

    private CatalogueDenial? Check(HttpContext context, CatalogueRights right, out CatalogueToken? by, out NamePattern? pattern)
    {
        (by, pattern) = (null, null);
        if (TokenOf(context.Request) is { } secret)
        {
            if (tokens.Find(secret) is not { } known)
            {
                return new CatalogueDenial(StatusCodes.Status401Unauthorized, "the token is unknown or was revoked");
            }

            (by, pattern) = (known.Token, known.Pattern);
            if (right == CatalogueRights.Read && !options.IsPrivate)
            {
                pattern = null; // a token allows no less than none
                return null;
            }

            return by.Rights.HasFlag(right) ? null
                : new CatalogueDenial(StatusCodes.Status403Forbidden, $"the token '{by.Name}' is not for this: it allows {Words(by.Rights)}");
        }

        return right == CatalogueRights.Read && !options.IsPrivate ? null
            : right != CatalogueRights.Read && options.IsOpen ? null
            : IsFromHere(context) ? null
            : new CatalogueDenial(StatusCodes.Status401Unauthorized, $"a token is needed to {Words(right)}");
    }

    private static string Words(CatalogueRights rights) => rights.ToString().ToLowerInvariant();

    // A page in a browser on this machine asks from here, too, but says which page. And what a proxy on this machine passes on comes from
    // loopback: one that is trusted says for whom, and the others' clients are taken for strangers.
    private bool IsFromHere(HttpContext context)
    {
        if (context.Request.Headers.ContainsKey("Origin") || !IsNameOfHere(context.Request.Host.Host))
        {
            return false;
        }

        var source = context.Connection.RemoteIpAddress ?? IPAddress.Any;
        var forwardedFor = string.Join(',', context.Request.Headers["X-Forwarded-For"].ToArray());
        if (context.Request.Headers.ContainsKey("X-Forwarded-For"))
        {
            var resolved = proxies.Resolve(PeerAddress.From(source, 0), System.Text.Encoding.ASCII.GetBytes(forwardedFor));
            return proxies.IsTrusted(PeerAddress.From(source, 0)) && resolved.Kind != PeerAddressKind.None && IPAddress.IsLoopback(resolved.ToIPAddress());
        }

        return IPAddress.IsLoopback(source) && !context.Request.Headers.ContainsKey("Forwarded") && !context.Request.Headers.ContainsKey("Via");
    }

    // Whose page is at another name may have had it resolved to this machine, and then reads without saying its origin.
    private static bool IsNameOfHere(string host) =>
        host.Length == 0 || IPAddress.TryParse(host, out _) || host.Equals("localhost", StringComparison.OrdinalIgnoreCase) ||
        host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase) || host.Equals(Environment.MachineName, StringComparison.OrdinalIgnoreCase);
}

/// <summary>A refusal: its HTTP status, and one line why.</summary>
internal sealed record CatalogueDenial(int Status, string Reason);
