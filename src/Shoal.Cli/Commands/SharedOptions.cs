using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shoal.Engine.Choking;
using Shoal.Engine.Encryption;
using Shoal.Protocol.Metadata;

namespace Shoal.Cli.Commands;

/// <summary>The options that several commands have, each written once: same name, same meaning everywhere.</summary>
internal static class SharedOptions
{
    public const int DefaultMaxConnections = 100;

    public static Option<bool> Json { get; } = new("--json") { Description = "Print one JSON object per line and event, for machines" };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "Print only results and errors" };

    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Print on stderr what happens: links, trackers, errors" };

    public static Option<IPAddress?> Bind { get; } = Parsed(
        "--bind", "ADDRESS", "The local address to listen and connect on (default: all)", ParseAddress);

    public static Option<IPAddress?> Advertise { get; } = Parsed(
        "--advertise", "ADDRESS", "The address that others shall use, where NAT or a container hides this one (default: what is bound)", ParseAddress);

    public static Option<int?> Port { get; } = Parsed<int?>(
        "--port", "PORT", "The port to listen on; 0 for any free one", ParsePort);

    public static Option<long?> MaxUp { get; } = Parsed<long?>("--max-up", "RATE", "The most to send, for example 2MiB/s or 20Mbit", ParseRate);

    public static Option<long?> MaxDown { get; } = Parsed<long?>("--max-down", "RATE", "The most to receive, for example 2MiB/s or 20Mbit", ParseRate);

    public static Option<int?> MaxConnections { get; } = Count(
        "--max-connections", $"The most peers to be connected to at once (default: {DefaultMaxConnections})");

    public static Option<SeedingPolicy?> SeedingPolicy { get; } = Parsed<SeedingPolicy?>(
        "--seeding-policy", "POLICY",
        "Whom to send to when more peers want something than there are slots, once all is there: " +
        "round-robin, everybody in turn (default), or fastest-upload, those who take it fastest",
        text => text switch
        {
            "round-robin" => (Engine.Choking.SeedingPolicy.RoundRobin, null),
            "fastest-upload" => (Engine.Choking.SeedingPolicy.FastestUpload, null),
            _ => (null, $"'{text}' is neither round-robin nor fastest-upload"),
        });

    public static Option<EncryptionPolicy?> Encryption { get; } = Parsed<EncryptionPolicy?>(
        "--encryption", "POLICY",
        "Whether connections to peers are encrypted: prefer, as far as the other side wants (default), require, always and all of it, or off",
        text => text switch
        {
            "off" => (EncryptionPolicy.Off, null),
            "prefer" => (EncryptionPolicy.Prefer, null),
            "require" => (EncryptionPolicy.Require, null),
            _ => (null, $"'{text}' is neither off, prefer nor require"),
        });

    public static Option<bool> Public { get; } = new("--public")
    {
        Description = "Let strangers find it, too: through the public DHT, and by a port that the router is asked to open",
    };

    public static Option<bool> NoDiscovery { get; } = new("--no-discovery")
    {
        Description = "Look for peers nowhere but at trackers and named addresses: not on the local network, not in the DHT; ask no router for a port",
    };

    public static Option<string[]> DhtBootstrap { get; } = Repeated(
        "--dht-bootstrap", "HOST:PORT", "A DHT node to begin at, in place of the public ones; may be repeated", text =>
            MagnetPeer.TryParse(text, out _) ? null : $"'{text}' is not HOST:PORT");

    public static Option<string[]> Trackers { get; } = Repeated(
        "--tracker", "URL", "A tracker to announce to; may be repeated", text =>
            Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "udp" && uri.Host.Length > 0
                ? null : $"'{text}' is not an http, https or udp URL");

    public static Option<X509Certificate2Collection?> TrackerAuthorities { get; } = Parsed(
        "--tracker-ca", "FILE", "A file of certificates (PEM) that vouch for https trackers, beside those that this machine trusts", ReadCertificates);

    public static Option<bool> AllTrackers { get; } = new("--all-trackers")
    {
        Description = "Announce to every tracker, rather than to the first that answers",
    };

    public static Option<string[]> Peers { get; } = Repeated(
        "--peer", "HOST:PORT", "A peer to connect to; may be repeated", text =>
            MagnetPeer.TryParse(text, out _) ? null : $"'{text}' is not HOST:PORT");

    /// <summary>An option with one value, whose parser gives the value or says what is wrong; the error names the option.</summary>
    public static Option<T?> Parsed<T>(string name, string valueName, string description, Func<string, (T? Value, string? Error)> parse) => new(name)
    {
        Description = description,
        HelpName = valueName,
        Arity = ArgumentArity.ExactlyOne, // of a collection, too
        CustomParser = result =>
        {
            var (value, error) = parse(result.Tokens.Count > 0 ? result.Tokens[0].Value : "");
            if (error is not null)
            {
                result.AddError($"{name}: {error}");
            }

            return value;
        },
    };

    /// <summary>An option whose value is a number above 0.</summary>
    public static Option<int?> Count(string name, string description) => Parsed<int?>(
        name, "COUNT", description, text => int.TryParse(text, out var count) && count > 0 ? (count, null) : (null, $"'{text}' is not a number above 0"));

    /// <summary>An option that may be repeated; each value is checked, and the error names the option.</summary>
    public static Option<string[]> Repeated(string name, string valueName, string description, Func<string, string?>? check = null)
    {
        var option = new Option<string[]>(name)
        {
            Description = description,
            HelpName = valueName,
            DefaultValueFactory = _ => [],
        };
        if (check is not null)
        {
            option.Validators.Add(result =>
            {
                foreach (var error in result.Tokens.Select(token => check(token.Value)).OfType<string>())
                {
                    result.AddError($"{name}: {error}");
                }
            });
        }

        return option;
    }

    /// <summary>Adds the options of every command.</summary>
    public static Command WithOutput(this Command command)
    {
        command.Options.Add(Json);
        command.Options.Add(Quiet);
        return command;
    }

    /// <summary>Adds the options of every command that listens.</summary>
    public static Command WithListening(this Command command)
    {
        command.Options.Add(Bind);
        command.Options.Add(Advertise);
        command.Options.Add(Port);
        command.Options.Add(Verbose);
        return command;
    }

    /// <summary>Adds the options of every command that transfers.</summary>
    public static Command WithTransfer(this Command command)
    {
        command.WithListening();
        command.Options.Add(MaxUp);
        command.Options.Add(MaxDown);
        command.Options.Add(MaxConnections);
        command.Options.Add(SeedingPolicy);
        command.Options.Add(Encryption);
        command.Options.Add(Trackers);
        command.Options.Add(AllTrackers);
        command.Options.Add(TrackerAuthorities);
        command.Options.Add(Peers);
        command.Options.Add(Public);
        command.Options.Add(NoDiscovery);
        command.Options.Add(DhtBootstrap);
        command.Validators.Add(result =>
        {
            if (result.GetValue(Public) && result.GetValue(NoDiscovery))
            {
                result.AddError("--public and --no-discovery exclude each other");
            }
        });
        return command;
    }

    private static (IPAddress?, string?) ParseAddress(string text) =>
        // Four numbers or colons: the old short forms (1.2.3 for 1.2.0.3) are more often typing errors.
        IPAddress.TryParse(text, out var address) && (text.Contains(':') || text.Count(character => character == '.') == 3) ? (address, null) : (null, $"'{text}' is not an IP address");

    private static (X509Certificate2Collection?, string?) ReadCertificates(string path)
    {
        if (path.Length == 0)
        {
            return (null, "the path is empty (a variable that is not set?)");
        }

        try
        {
            X509Certificate2Collection certificates = [];
            certificates.ImportFromPemFile(path);
            return certificates.Count > 0 ? (certificates, null) : (null, $"there is no certificate (PEM) in '{path}'");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return (null, error is FileNotFoundException or DirectoryNotFoundException ? $"there is no file '{path}'" : $"cannot read '{path}': {error.Message}");
        }
    }

    /// <summary>An argument that is a port, and may be left out.</summary>
    public static Argument<int?> PortArgument(string name, string description) => new(name)
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result =>
        {
            var (port, error) = ParsePort(result.Tokens[0].Value);
            if (error is not null)
            {
                result.AddError(error);
            }

            return port;
        },
    };

    /// <summary>A port, or why it is none.</summary>
    public static (int? Port, string? Error) ParsePort(string text) =>
        int.TryParse(text, out var port) && port is >= 0 and <= 65535 ? (port, null) : (null, $"'{text}' is not a port (0 to 65535)");

    private static (long?, string?) ParseRate(string text) =>
        Units.TryParseRate(text, out var rate, out var error) ? (rate, null) : (null, error);
}
