using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// The name at the end of a request's path, decoded once and strictly. Kestrel's own path leaves <c>%2F</c> and what is no UTF-8 as they are, so that
/// <c>a%2Fb</c> and <c>a%252Fb</c> look alike in it, and takes <c>..</c> away.
/// </summary>
internal static class NameInUrl
{
    private const int SlashesBeforeIt = 4; // /api/v1/names/

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The name, which may be none; null if it is not UTF-8 in percent-encoding, or what stands before it is not written plainly.</summary>
    public static string? Read(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        // Proxies name the host, too: http://host/path.
        var start = target.StartsWith('/') ? 0 : target.IndexOf('/', Math.Max(0, target.IndexOf("://", StringComparison.Ordinal)) + "://".Length);
        if (start < 0)
        {
            return null;
        }

        var path = target[start..];
        path = path.IndexOf('?') is var question and >= 0 ? path[..question] : path;
        var at = 0;
        for (var slash = 0; slash < SlashesBeforeIt; slash++)
        {
            at = path.IndexOf('/', at) + 1;
            if (at == 0)
            {
                return ""; // /api/v1/names
            }
        }

        // If it was routed here by another way, through '..' or escapes, the name would be elsewhere.
        return context.Request.Path.Value!.StartsWith(path[..at], StringComparison.Ordinal) ? Decode(path.AsSpan(at)) : null;
    }

    private static string? Decode(ReadOnlySpan<char> text)
    {
        var bytes = new byte[text.Length];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                bytes[length++] = (byte)text[i]; // ASCII, or Kestrel had refused it
            }
            else if (i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2]))
            {
                bytes[length++] = byte.Parse(text.Slice(i + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier);
                i += 2;
            }
            else
            {
                return null;
            }
        }

        try
        {
            return Strict.GetString(bytes, 0, length);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
