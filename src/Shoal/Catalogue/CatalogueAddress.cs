using System.Diagnostics.CodeAnalysis;
using System.Net;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Trackers;

namespace Shoal.Catalogue;

/// <summary>
/// Where a catalogue is: <c>host:6969</c> or a URL, which may have a path where a proxy put it at one. Immutable.
/// </summary>
public sealed class CatalogueAddress
{
    private const int DefaultPort = 6969;

    private CatalogueAddress(Uri url) => Url = url;

    /// <summary>Its URL, which ends in a slash.</summary>
    public Uri Url { get; }

    /// <summary>
    /// The trackers of what it names: HTTP, and UDP where it is not behind https or a path. With a token their paths begin with its passkey, which tells a
    /// tracker that serves members only who announces.
    /// </summary>
    public IReadOnlyList<string> TrackersFor(string? token)
    {
        var passkey = token is null ? "" : $"{Passkey.OfToken(token)}/";
        var http = new Uri(Url, $"{passkey}announce").ToString();
        return Url.Scheme != Uri.UriSchemeHttp || Url.AbsolutePath != "/" ? [http]
            : [http, passkey.Length == 0 ? $"udp://{Url.Authority}" : $"udp://{Url.Authority}/{passkey}announce"];
    }

    /// <summary>Reads a host and a port (6969 unless it is named), or an http or https URL.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out CatalogueAddress? address)
    {
        ArgumentNullException.ThrowIfNull(text);
        address = null;
        if (text.Contains("://", StringComparison.Ordinal))
        {
            if (Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Host.Length > 0 && url.Query.Length == 0)
            {
                address = new CatalogueAddress(url);
            }

            return address is not null;
        }

        var hasPort = MagnetPeer.TryParse(text, out _);
        var host = hasPort ? text : IPAddress.TryParse(text, out var ip) && text.Contains(':') ? $"[{ip}]:{DefaultPort}" : $"{text}:{DefaultPort}";
        if (MagnetPeer.TryParse(host, out _) && Uri.TryCreate($"http://{host}/", UriKind.Absolute, out var plain) && plain.AbsolutePath == "/")
        {
            address = new CatalogueAddress(plain);
        }

        return address is not null;
    }

    /// <summary>Host and port, or the URL where it is more than that.</summary>
    public override string ToString() => Url.Scheme == Uri.UriSchemeHttp && Url.AbsolutePath == "/" ? Url.Authority : Url.ToString().TrimEnd('/');
}
