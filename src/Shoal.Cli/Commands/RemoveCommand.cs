using System.CommandLine;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Commands;

/// <summary>`shoal remove`: takes a name, or a version of it, out of a catalogue.</summary>
internal static class RemoveCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "The name, or one version of it: models/llm-7b@3" };

    public static Command Create()
    {
        var command = new Command("remove", "Take a name, or a version of it, out of a tracker's catalogue; who has the files keeps them")
        {
            Name, CatalogueArgument.At, SharedOptions.TrackerAuthorities, SharedOptions.Bind,
        }.WithOutput();
        command.Action = new CommandAction(RunAsync, "shoal remove models/llm-7b@3 --at tracker.lab:6969", "SHOAL_TOKEN=shoal_… shoal remove nightly/old.img --at https://files.example");
        return command;
    }

    private static async Task<int> RunAsync(Invocation invocation)
    {
        await using var reporter = invocation.CreateReporter();
        using var catalogue = CatalogueArgument.Open(invocation);
        var removal = await catalogue.RemoveAsync(CatalogueArgument.ParseReference(invocation.Parse.GetValue(Name)!), invocation.Stop);
        reporter.Report(new RemovedEvent(removal.Name, removal.Version) { Rest = RemovedEvent.OfCommand });
        return ExitCode.Ok;
    }
}
