namespace Shoal.Cli.Tests;

/// <summary>`shoal simulate --fuzz`: runs what it is told to, and says what it cannot be told.</summary>
public sealed class FuzzCommandTests
{
    [Fact]
    public async Task A_number_of_seeds_is_run_from_the_one_that_is_named()
    {
        var run = await Command.RunAsync("simulate", "--fuzz", "--seed", "3", "--seeds", "4");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("4 seeds from 3 held in", string.Join('\n', run.Out.Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dht")]
    [InlineData("router")]
    [InlineData("secret")]
    public async Task One_world_alone_may_be_named(string world)
    {
        var run = await Command.RunAsync("simulate", "--fuzz", "--world", world, "--seed", "3", "--seeds", "2");
        Assert.Equal(0, run.ExitCode);
    }

    [Theory]
    [InlineData("--for 5s", "--for goes with --fuzz")]
    [InlineData("--fuzz --peers 3", "--peers has no place beside --fuzz")]
    [InlineData("--fuzz some.json", "--fuzz takes no scenario")]
    [InlineData("--world dht", "--world goes with --fuzz")]
    [InlineData("--fuzz --world moon", "'moon' is none of swarm, dht, router, secret")]
    [InlineData("--fuzz --shrunk 0.1", "--shrunk goes with one --world and one --seed alone")]
    [InlineData("--fuzz --seed 3 --shrunk 0.1", "--shrunk goes with one --world and one --seed alone")]
    [InlineData("--fuzz --world swarm --seed 3 --shrunk 999", "nothing smaller")]
    [InlineData("--fuzz --seed 3 --shrunk x", "is not a way such as 0.3.1")]
    public async Task What_means_nothing_to_it_is_refused(string arguments, string said)
    {
        var run = await Command.RunAsync(["simulate", .. arguments.Split(' ')]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(said, string.Join('\n', run.Error.Lines), StringComparison.Ordinal);
    }
}
