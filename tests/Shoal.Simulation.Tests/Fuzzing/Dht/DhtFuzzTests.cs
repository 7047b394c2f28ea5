using Shoal.Engine;
using Shoal.Engine.Dht;
using Shoal.Protocol;
using Shoal.Protocol.Dht;
using Shoal.Simulation.Fuzzing.Dht;

namespace Shoal.Simulation.Tests.Fuzzing.Dht;

/// <summary>The fuzzer's DHT finds faults: known ones, planted before every honest node, each within a stated number of seeds.</summary>
public sealed class DhtFuzzTests(ITestOutputHelper output)
{
    // The name, the seeds within which it is found, and a word of what is said of it.
    [Theory]
    [InlineData(nameof(TokenThatIsNotLookedAt), 10, "without a token")]
    [InlineData(nameof(SourceThatIsNotLookedAt), 20, "nobody was asked for")]
    [InlineData(nameof(AnswerThatIsSaidTwice), 5, "who did not ask")]
    [InlineData(nameof(AnswersWithoutEnd), 20, "more answers than it may")]
    [InlineData(nameof(NodesThatAreHearsay), 5, "never answered")]
    [InlineData(nameof(LookupThatIsNotOver), 5, "does not come to an end")]
    [InlineData(nameof(DeafToPeers), 2, "lookups find")]
    [InlineData(nameof(LostTick), 5, "a timer is lost")]
    [InlineData(nameof(ThrowsAtLongPackets), 20, "throws")]
    public void A_planted_bug_is_found(string bug, int seedCount, string word)
    {
        for (ulong seed = 0; seed < (ulong)seedCount; seed++)
        {
            if (DhtRun.Run(DhtCases.Of(seed), machine => Plant(bug, machine)) is { Failure: { } failure })
            {
                output.WriteLine($"seed {seed}: {failure}");
                Assert.Contains(word, failure, StringComparison.Ordinal);
                return;
            }
        }

        Assert.Fail($"{bug} is not found within {seedCount} seeds");
    }

    [Fact]
    public void Nearly_all_lookups_in_fair_weather_find_what_was_announced_among_hostile_hosts()
    {
        var cases = Enumerable.Range(0, 25).Select(seed => DhtCases.Of((ulong)seed)).Where(fuzzCase => fuzzCase.Plan.Hostile.Count > 2).ToArray();
        var found = cases.Sum(fuzzCase => DhtRun.Run(fuzzCase).FoundCount);
        var sought = cases.Sum(fuzzCase => fuzzCase.Plan.LookupCount);
        output.WriteLine($"{found} of {sought} lookups found the peer in {cases.Length} worlds");
        Assert.InRange(found / (double)sought, 0.95, 1);
    }

    private static IDhtMachine Plant(string bug, IDhtMachine machine) => bug switch
    {
        nameof(TokenThatIsNotLookedAt) => new TokenThatIsNotLookedAt(machine),
        nameof(SourceThatIsNotLookedAt) => new SourceThatIsNotLookedAt(machine),
        nameof(AnswerThatIsSaidTwice) => new AnswerThatIsSaidTwice(machine),
        nameof(AnswersWithoutEnd) => new AnswersWithoutEnd(machine),
        nameof(NodesThatAreHearsay) => new NodesThatAreHearsay(machine),
        nameof(LookupThatIsNotOver) => new LookupThatIsNotOver(machine),
        nameof(DeafToPeers) => new DeafToPeers(machine),
        nameof(LostTick) => new LostTick(machine),
        nameof(ThrowsAtLongPackets) => new ThrowsAtLongPackets(machine),
        _ => throw new ArgumentException(bug, nameof(bug)),
    };
}
