using System.CommandLine;
using Shoal.Cli.Reporting;
using Shoal.Tracker.Catalogue;

namespace Shoal.Cli.Commands;

/// <summary>`shoal token`: who may publish in a catalogue. Works on where it is kept, while a tracker runs or not.</summary>
internal static class TokenCommand
{
    private static readonly Option<string> Folder = new("--catalogue") { Description = "The catalogue's folder, or 'Host=…;Database=…' in PostgreSQL", HelpName = "DIR", Required = true };

    private static readonly Argument<string> Name = new("name") { Description = "What the token is called" };

    private static readonly Option<string> Pattern = new("--pattern")
    {
        Description = "The names that it is for, for example 'models/**'", HelpName = "GLOB", DefaultValueFactory = _ => "**",
    };

    private static readonly Option<CatalogueRights?> Rights = SharedOptions.Parsed<CatalogueRights?>(
        "--rights", "RIGHTS", "What it allows: read, publish, remove, or several with commas between (default: all)",
        text => Enum.TryParse<CatalogueRights>(text, ignoreCase: true, out var rights) && rights != CatalogueRights.None && (rights & ~CatalogueRights.All) == CatalogueRights.None && !text.Any(char.IsDigit)
            ? (rights, null) : (null, $"'{text}' is none of read, publish and remove"));

    public static Command Create()
    {
        var create = new Command("create", "Make a token, and show it this once") { Name, Rights, Pattern, Folder }.WithOutput();
        create.Action = new CommandAction(CreateAsync, "shoal token create ci --rights publish --pattern 'nightly/**' --catalogue ./catalogue");
        var list = new Command("list", "List the tokens; not what they are, which nobody knows") { Folder }.WithOutput();
        list.Action = new CommandAction(ListAsync, "shoal token list --catalogue ./catalogue");
        var revoke = new Command("revoke", "Make a token worthless, at once") { Name, Folder }.WithOutput();
        revoke.Action = new CommandAction(RevokeAsync, "shoal token revoke ci --catalogue ./catalogue");
        return new Command("token", "Say who may publish in a catalogue") { create, list, revoke };
    }

    private static async Task<int> CreateAsync(Invocation invocation)
    {
        await using var reporter = invocation.CreateReporter();
        var (name, pattern) = (invocation.Parse.GetValue(Name)!, CatalogueArgument.ParsePattern(invocation.Parse.GetValue(Pattern)!).Text);
        var rights = invocation.Parse.GetValue(Rights) ?? CatalogueRights.All;
        try
        {
            var token = TokensOf(invocation).Create(name, rights, pattern);
            reporter.Report(new TokenEvent(name, Words(rights), pattern, DateTimeOffset.UtcNow, token));
            return ExitCode.Ok;
        }
        catch (ArgumentException error)
        {
            throw new UserErrorException(error.Message.Split(" (Parameter")[0], inner: error);
        }
        catch (CatalogueException error)
        {
            throw new UserErrorException(error.Message, ExitCode.Failed, error);
        }
    }

    private static async Task<int> ListAsync(Invocation invocation)
    {
        await using var reporter = invocation.CreateReporter();
        try
        {
            foreach (var token in TokensOf(invocation).List())
            {
                reporter.Report(new TokenEvent(token.Name, Words(token.Rights), token.Pattern, token.CreatedAt));
            }

            return ExitCode.Ok;
        }
        catch (CatalogueException error)
        {
            throw new UserErrorException(error.Message, ExitCode.Environment, error);
        }
    }

    private static Task<int> RevokeAsync(Invocation invocation)
    {
        var name = invocation.Parse.GetValue(Name)!;
        try
        {
            return TokensOf(invocation).Revoke(name) ? Task.FromResult(ExitCode.Ok)
                : throw new UserErrorException($"there is no token '{Printable.Of(name)}'", ExitCode.Failed);
        }
        catch (CatalogueException error)
        {
            throw new UserErrorException(error.Message, ExitCode.Environment, error);
        }
    }

    private static string Words(CatalogueRights rights) => rights.ToString().ToLowerInvariant();

    // A misspelt folder shall not become a new catalogue.
    private static CatalogueTokens TokensOf(Invocation invocation)
    {
        var options = TrackerCommand.CatalogueAt(invocation.Parse.GetValue(Folder)!);
        return options.Database is not null || Directory.Exists(options.Folder) ? CatalogueTokens.Of(options)
            : throw new UserErrorException($"there is no catalogue '{Printable.Of(options.Folder)}': 'shoal tracker --catalogue {Printable.Of(options.Folder)}' makes one");
    }
}
