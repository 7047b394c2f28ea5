using System.CommandLine;
using Shoal.Catalogue;
using Shoal.Cli.Reporting;
using Shoal.Protocol.Catalogue;

namespace Shoal.Cli.Commands;

/// <summary>What the commands that speak to a catalogue have in common: where it is, and by which token.</summary>
internal static class CatalogueArgument
{
    /// <summary>The environment's word for --at.</summary>
    public const string AtVariable = "SHOAL_AT";

    /// <summary>The environment's word for the token, which has no option: what stands on a command line, everybody on the machine can read.</summary>
    public const string TokenVariable = "SHOAL_TOKEN";

    public static Option<CatalogueAddress?> At { get; } = SharedOptions.Parsed<CatalogueAddress?>(
        "--at", "HOST:PORT", $"The tracker whose catalogue is meant, or its http(s) URL (default: {AtVariable}, else the config file's \"at\")",
        text => CatalogueAddress.TryParse(text, out var address) ? (address, null) : (null, $"'{text}' is neither HOST:PORT nor an http or https URL"));

    /// <summary>A client for the catalogue: at the address, if one is given, else as options, environment or file say; null if none is named.</summary>
    public static CatalogueClient? TryOpen(Invocation invocation, CatalogueAddress? address = null)
    {
        var config = ConfigFile.Read();
        address ??= invocation.Parse.GetValue(At) ?? AddressOf(Environment.GetEnvironmentVariable(AtVariable), AtVariable) ?? AddressOf(config.At, $"\"at\" in {ConfigFile.Path}");
        return address is null ? null
            : new CatalogueClient(address, new CatalogueClientOptions
            {
                Token = TokenOf(Environment.GetEnvironmentVariable(TokenVariable), TokenVariable) ?? TokenOf(config.Token, $"\"token\" in {ConfigFile.Path}"),
                Authorities = invocation.Parse.GetValue(SharedOptions.TrackerAuthorities),
                BindAddress = invocation.Parse.GetValue(SharedOptions.Bind),
            });
    }

    /// <summary>A client for the catalogue.</summary>
    public static CatalogueClient Open(Invocation invocation) => TryOpen(invocation) ??
        throw new UserErrorException($"no catalogue is named: use --at HOST:PORT, {AtVariable}, or \"at\" in {ConfigFile.Path}");

    /// <summary>The name, composed as catalogues want it.</summary>
    public static CatalogueName ParseName(string text) =>
        CatalogueName.TryParse(Composition.Compose(text), out var name, out var wrong) ? name : throw new UserErrorException($"'{Printable.Of(text)}': {wrong}");

    /// <summary>The name, and perhaps a version, composed as catalogues want it.</summary>
    public static CatalogueReference ParseReference(string text) =>
        CatalogueReference.TryParse(Composition.Compose(text), out var reference, out var wrong) ? reference : throw new UserErrorException($"'{Printable.Of(text)}': {wrong}");

    /// <summary>The pattern, composed as catalogues want it.</summary>
    public static NamePattern ParsePattern(string text) =>
        NamePattern.TryParse(Composition.Compose(text), out var pattern, out var wrong) ? pattern : throw new UserErrorException($"'{Printable.Of(text)}': {wrong}");

    // It is sent in a header; what cannot stand there is a slip of who copied it. A secret, even so: it is not repeated.
    private static string? TokenOf(string? text, string where) => text is null or "" ? null
        : text.All(character => character is > ' ' and < '\x7f') ? text
        : throw new UserErrorException($"{where} is no token: it has characters other than visible ones of ASCII");

    private static CatalogueAddress? AddressOf(string? text, string where) => text is null or "" ? null
        : CatalogueAddress.TryParse(text, out var address) ? address
        : throw new UserErrorException($"{where}: '{Printable.Of(text)}' is neither HOST:PORT nor an http or https URL");
}
