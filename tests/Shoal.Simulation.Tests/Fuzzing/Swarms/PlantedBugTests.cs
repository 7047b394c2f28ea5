using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Simulation.Fuzzing.Swarms;

namespace Shoal.Simulation.Tests.Fuzzing.Swarms;

/// <summary>The fuzzer finds faults: known ones, planted before every swarm, each within a stated number of seeds.</summary>
public sealed class PlantedBugTests(ITestOutputHelper output)
{
    // The name, the seeds within which it is found, and a word of what is said of it.
    [Theory]
    [InlineData(nameof(EndgameThatNeverCancels), 10, "not told to keep it")]
    [InlineData(nameof(RequestThatIsNotForgotten), 10, "")]
    [InlineData(nameof(PickerThatForgetsReleasedBlocks), 10, "")]
    [InlineData(nameof(UploaderThatServesUnverifiedPieces), 100, "served that is not verified")]
    [InlineData(nameof(HaveBeforeTheHash), 10, "announced that is not verified")]
    [InlineData(nameof(HashThatIsNotLookedAt), 20, "not right is written")]
    [InlineData(nameof(LostTimer), 10, "a timer is lost")]
    [InlineData("LostTimerLater", 100, "a timer is lost")]
    [InlineData(nameof(TimerThatDoesNothing), 5, "spins")]
    [InlineData(nameof(DeafToChokes), 20, "chokes us")]
    [InlineData(nameof(SlotThatIsKept), 5, "slot")]
    [InlineData(nameof(RejectsThatAreNotSaid), 10, "not answered within")]
    [InlineData(nameof(UploadThatIsLost), 10, "not answered within")]
    [InlineData(nameof(HavesThatAreNotSaid), 5, "not told of a piece")]
    [InlineData(nameof(HaveThatSomeoneMisses), 5, "not told of a piece")]
    [InlineData(nameof(KeepAlivesThatAreNotSaid), 100, "nothing is said")]
    [InlineData(nameof(EndlessTale), 2, "no end")]
    [InlineData(nameof(OrderThatIsNotHeard), 12, "of the job do not come to an end")]
    [InlineData(nameof(RoundThatIsNotTold), 12, "of the job do not come to an end")]
    [InlineData(nameof(DeafToMetadata), 12, "not complete")]
    public void A_planted_bug_is_found(string bug, int seedCount, string word)
    {
        for (ulong seed = 0; seed < (ulong)seedCount; seed++)
        {
            if (SwarmRun.Run(SwarmCases.Of(seed), (world, machine) => Plant(bug, world, machine)) is { Failure: { } failure })
            {
                output.WriteLine($"seed {seed}: {failure}");
                Assert.Contains(word, failure, StringComparison.Ordinal);
                return;
            }
        }

        Assert.Fail($"{bug} is not found within {seedCount} seeds");
    }

    private static IMachine Plant(string bug, World world, IMachine machine) => bug switch
    {
        nameof(EndgameThatNeverCancels) => new EndgameThatNeverCancels(machine),
        nameof(RequestThatIsNotForgotten) => new RequestThatIsNotForgotten(machine),
        nameof(PickerThatForgetsReleasedBlocks) => new PickerThatForgetsReleasedBlocks(machine),
        nameof(UploaderThatServesUnverifiedPieces) => new UploaderThatServesUnverifiedPieces(machine),
        nameof(HaveBeforeTheHash) => new HaveBeforeTheHash(machine),
        nameof(HashThatIsNotLookedAt) => new HashThatIsNotLookedAt(machine, piece => world.HashOf(piece, isRight: true)),
        nameof(LostTimer) => new LostTimer(machine, lastTick: 5),
        "LostTimerLater" => new LostTimer(machine, lastTick: 200),
        nameof(TimerThatDoesNothing) => new TimerThatDoesNothing(machine),
        nameof(DeafToChokes) => new DeafToChokes(machine),
        nameof(SlotThatIsKept) => new SlotThatIsKept(machine),
        nameof(RejectsThatAreNotSaid) => new RejectsThatAreNotSaid(machine),
        nameof(UploadThatIsLost) => new UploadThatIsLost(machine),
        nameof(HavesThatAreNotSaid) => new HavesThatAreNotSaid(machine),
        nameof(HaveThatSomeoneMisses) => new HaveThatSomeoneMisses(machine),
        nameof(KeepAlivesThatAreNotSaid) => new KeepAlivesThatAreNotSaid(machine),
        nameof(EndlessTale) => new EndlessTale(machine),
        nameof(OrderThatIsNotHeard) => new OrderThatIsNotHeard(machine),
        nameof(RoundThatIsNotTold) => new RoundThatIsNotTold(machine),
        nameof(DeafToMetadata) => new DeafToMetadata(machine),
        _ => throw new ArgumentException(bug, nameof(bug)),
    };
}
