using System.Buffers.Text;
using System.Text;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Tracker;

/// <summary>
/// Recognizes the plainest HTTP request there is: one whole GET of /announce or /scrape with nothing after it, whose
/// client wants the connection closed. Answers that one; says nothing to any other, which is Kestrel's to judge.
/// One owner; allocates nothing.
/// </summary>
internal sealed class OneShotResponder(HttpFrontEnd frontEnd)
{
    private const int HeadLength = 128;

    private readonly byte[] _reply = new byte[HeadLength + HttpFrontEnd.MaximumBodyLength];

    /// <summary>The whole answer; empty if the request is another's to answer. Good until the next call.</summary>
    public ReadOnlySpan<byte> Answer(ReadOnlySpan<byte> request, PeerAddress source)
    {
        if (!TryRead(request, out var isScrape, out var passkey, out var query, out var forwardedFor))
        {
            return default;
        }

        var body = isScrape ? frontEnd.Scrape(query)
            : frontEnd.Announce(query, new Announcer(source, passkey, Announcer.IsLoopback(source)), forwardedFor);
        var head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: "u8;
        head.CopyTo(_reply);
        var length = head.Length;
        Utf8Formatter.TryFormat(body.Length, _reply.AsSpan(length), out var digits);
        length += digits;
        "\r\n\r\n"u8.CopyTo(_reply.AsSpan(length));
        length += 4;
        body.Span.CopyTo(_reply.AsSpan(length));
        return _reply.AsSpan(0, length + body.Length);
    }

    /// <summary>Whether it is such a request, and what it asks.</summary>
    internal static bool TryRead(
        ReadOnlySpan<byte> request, out bool isScrape, out Passkey passkey, out ReadOnlySpan<byte> query, out ReadOnlySpan<byte> forwardedFor)
    {
        query = forwardedFor = default;
        (passkey, isScrape) = (default, false);
        var lineEnd = request.IndexOf("\r\n"u8);
        if (lineEnd < 0 || !request.StartsWith("GET /"u8) || request.IndexOf("\r\n\r\n"u8) != request.Length - 4)
        {
            return false;
        }

        var line = request[..lineEnd];
        var wantsClose = line.EndsWith(" HTTP/1.0"u8);
        if (!wantsClose && !line.EndsWith(" HTTP/1.1"u8))
        {
            return false;
        }

        var target = line[4..^9];
        Passkey.TryTake(ref target, out passkey);
        isScrape = target.StartsWith("/scrape?"u8);
        if (!isScrape && !target.StartsWith("/announce?"u8))
        {
            return false;
        }

        query = target[(isScrape ? 8 : 10)..];
        return !query.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e) && HeadersAllow(request[(lineEnd + 2)..^2], wantsClose, out forwardedFor);
    }

    // HTTP/1.1 wants a host; a body, an expectation, a connection to be kept or a chain of proxies in several lines are for Kestrel.
    private static bool HeadersAllow(ReadOnlySpan<byte> headers, bool isVersion10, out ReadOnlySpan<byte> forwardedFor)
    {
        forwardedFor = default;
        var (hasHost, wantsClose) = (isVersion10, isVersion10);
        while (!headers.IsEmpty)
        {
            var end = headers.IndexOf("\r\n"u8);
            var colon = headers[..end].IndexOf((byte)':');
            if (colon <= 0)
            {
                return false;
            }

            var name = headers[..colon];
            var value = headers[(colon + 1)..end].Trim((byte)' ');
            headers = headers[(end + 2)..];
            if (Ascii.EqualsIgnoreCase(name, "connection"u8))
            {
                wantsClose = Ascii.EqualsIgnoreCase(value, "close"u8);
                if (!wantsClose)
                {
                    return false;
                }
            }
            else if (Ascii.EqualsIgnoreCase(name, "host"u8))
            {
                hasHost = true;
            }
            else if (Ascii.EqualsIgnoreCase(name, "x-forwarded-for"u8) && forwardedFor.IsEmpty && !value.IsEmpty)
            {
                forwardedFor = value;
            }
            else if (Ascii.EqualsIgnoreCase(name, "x-forwarded-for"u8) || Ascii.EqualsIgnoreCase(name, "forwarded"u8) || Ascii.EqualsIgnoreCase(name, "via"u8) ||
                Ascii.EqualsIgnoreCase(name, "content-length"u8) || Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8) ||
                Ascii.EqualsIgnoreCase(name, "expect"u8) || Ascii.EqualsIgnoreCase(name, "upgrade"u8))
            {
                return false;
            }
        }

        return hasHost && wantsClose;
    }
}
