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
    /// Whether the request may do this to that name: null, or why not. <paramref name="by"/> is the name of the token that allows it.
    /// </summary>
    /// <exception cref="CatalogueException">The tokens cannot be read.</exception>
    public CatalogueDenial? Check(HttpContext context, CatalogueRights right, string name, out string? by)
    {
        by = null;
        if (TokenOf(context.Request) is { } secret)
        {
            if (tokens.Find(secret) is not { } known)
            {
                return new CatalogueDenial(StatusCodes.Status401Unauthorized, "the token is unknown or was revoked");
            }

            by = known.Token.Name;
            return !known.Token.Rights.HasFlag(right) ? new CatalogueDenial(StatusCodes.Status403Forbidden, $"the token '{by}' is not for this: it allows {Words(known.Token.Rights)}")
                : name.Length > 0 && !known.Pattern.IsMatch(name) ? new CatalogueDenial(StatusCodes.Status403Forbidden, $"the token '{by}' is for names like '{known.Token.Pattern}' only")
                : null;
        }

        return right == CatalogueRights.Read && !options.IsPrivate ? null
            : right != CatalogueRights.Read && options.IsOpen ? null
            : IsFromHere(context) ? null
            : new CatalogueDenial(StatusCodes.Status401Unauthorized, $"a token is needed to {Words(right)}");
    }

    /// <summary>For names that are listed or told of in events: which of them the request may see. All, if null.</summary>
    public NamePattern? ScopeOf(HttpContext context) => !options.IsPrivate || TokenOf(context.Request) is not { } secret ? null : tokens.Find(secret)?.Pattern;

    private static string? TokenOf(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : null;
    }

    private static string Words(CatalogueRights rights) => rights.ToString().ToLowerInvariant();

    // A page in a browser on this machine asks from here, too, but says which page. And what a proxy on this machine passes on comes from
    // loopback: one that is trusted says for whom, and the others' clients are taken for strangers.
    private bool IsFromHere(HttpContext context)
    {
        if (context.Request.Headers.ContainsKey("Origin"))
        {
            return false;
        }

        var source = context.Connection.RemoteIpAddress ?? IPAddress.Any;
        var forwardedFor = string.Join(',', context.Request.Headers["X-Forwarded-For"].ToArray());
        if (forwardedFor.Length > 0)
        {
            var resolved = proxies.Resolve(PeerAddress.From(source, 0), System.Text.Encoding.ASCII.GetBytes(forwardedFor));
            return proxies.IsTrusted(PeerAddress.From(source, 0)) && resolved.Kind != PeerAddressKind.None && IPAddress.IsLoopback(resolved.ToIPAddress());
        }

        return IPAddress.IsLoopback(source) && !context.Request.Headers.ContainsKey("Forwarded") && !context.Request.Headers.ContainsKey("Via");
    }
}

/// <summary>A refusal: its HTTP status, and one line why.</summary>
internal sealed record CatalogueDenial(int Status, string Reason);
