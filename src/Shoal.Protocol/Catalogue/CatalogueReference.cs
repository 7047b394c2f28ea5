using System.Globalization;

namespace Shoal.Protocol.Catalogue;

/// <summary>A name, or one version of it: <c>models/x</c>, <c>models/x@3</c>. There is one text for each.</summary>
/// <param name="Name">What is named.</param>
/// <param name="Version">Which version of it, from 1; null if the reference does not say.</param>
/// <exception cref="ArgumentOutOfRangeException">The version is below 1.</exception>
public readonly record struct CatalogueReference(CatalogueName Name, int? Version)
{
    /// <summary>Which version is meant, from 1; null if the reference does not say.</summary>
    public int? Version { get; } =
        Version is null or > 0 ? Version : throw new ArgumentOutOfRangeException(nameof(Version), Version, "versions begin at 1");

    /// <summary>Reads <c>name</c> or <c>name@version</c>; if it is neither, one clause tells what is wrong, as <see cref="CatalogueName.TryParse"/> does.</summary>
    public static bool TryParse(string text, out CatalogueReference reference, out string error)
    {
        ArgumentNullException.ThrowIfNull(text);
        reference = default;
        int? version = null;
        var at = CatalogueName.VersionAt(text);
        if (at >= 0)
        {
            var digits = text.AsSpan(at + 1);
            var isNumber = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            if (digits[0] == '0')
            {
                error = isNumber && number == 0 ? "the version is 0, but versions begin at 1" : "the version begins with a zero";
                return false;
            }

            if (!isNumber)
            {
                error = $"the version is above {int.MaxValue}";
                return false;
            }

            version = number;
            text = text[..at];
        }

        var isName = CatalogueName.TryParse(text, out var name, out error);
        reference = isName ? new CatalogueReference(name, version) : default;
        return isName;
    }

    /// <summary><c>name</c> or <c>name@version</c>: what <see cref="TryParse"/> reads.</summary>
    public override string ToString() => Version is null ? Name.Value : string.Create(CultureInfo.InvariantCulture, $"{Name.Value}@{Version}");
}
