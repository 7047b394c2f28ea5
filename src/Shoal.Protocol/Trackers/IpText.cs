using System.Net;

namespace Shoal.Protocol.Trackers;

/// <summary>IP addresses written as text in a query or a reply. Never a name: names would have to be resolved.</summary>
internal static class IpText
{
    private const int MaximumLength = 45;

    /// <summary>The address with port 0; kind None if it is not one. Percent-encoded colons are understood.</summary>
    public static PeerAddress Parse(ReadOnlySpan<byte> text)
    {
        Span<byte> decoded = stackalloc byte[MaximumLength];
        return HttpTrackerQuery.TryDecode(text, decoded, out var length) && IPAddress.TryParse(decoded[..length], out var address)
            ? PeerAddress.From(address, 0)
            : default;
    }
}
