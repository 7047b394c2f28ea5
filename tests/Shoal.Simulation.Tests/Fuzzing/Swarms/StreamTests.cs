using Shoal.Engine.Encryption;
using Shoal.Simulation.Faults;
using Shoal.Simulation.Fuzzing.Swarms;

namespace Shoal.Simulation.Tests.Fuzzing.Swarms;

/// <summary>The handshake of MSE in the fuzzer's world: it holds, and bugs that are planted in it are found.</summary>
public sealed class StreamTests(ITestOutputHelper output)
{
    // Of eight seeds one has links that are encrypted, and of those half.
    private const int SeedCount = 8 * 24;

    [Fact]
    public void Links_that_are_encrypted_carry_what_was_said_and_often_are()
    {
        var (sides, agreed) = (0, 0);
        foreach (var fuzzCase in Cases())
        {
            var watched = new List<IStreamSide>();
            var outcome = SwarmRun.Run(fuzzCase, (world, machine) =>
            {
                world.Adversary!.Streams.Plant = side =>
                {
                    watched.Add(side);
                    return side;
                };
                return machine;
            });
            Assert.True(outcome.Failure is null, $"seed {fuzzCase.Seed}: {outcome.Failure}");
            sides += watched.Count;
            agreed += watched.Count(side => side.State == StreamHandshakeState.Agreed);
        }

        output.WriteLine($"{sides} sides, of which {agreed} agreed");
        Assert.InRange(agreed, 100, sides - 1);
    }

    [Theory]
    [InlineData(nameof(HandshakeThatNeverFails), "takes without end")]
    [InlineData(nameof(HandshakeThatLosesSmallReadings), "wait for each other|agree on the encryption do not")]
    [InlineData(nameof(HandshakeThatLeavesTheCipherOut), "the codec")]
    [InlineData(nameof(HandshakeThatThrows), "throws")]
    public void A_planted_bug_is_found(string bug, string word)
    {
        foreach (var fuzzCase in Cases())
        {
            var outcome = SwarmRun.Run(fuzzCase, (world, machine) =>
            {
                world.Adversary!.Streams.Plant = side => Plant(bug, side);
                return machine;
            });
            if (outcome.Failure is { } failure)
            {
                output.WriteLine($"seed {fuzzCase.Seed}: {failure}");
                Assert.Contains(word.Split('|'), one => failure.Contains(one, StringComparison.Ordinal));
                return;
            }
        }

        Assert.Fail($"{bug} is not found within {SeedCount} seeds");
    }

    private static IEnumerable<SwarmCase> Cases() => Enumerable.Range(0, SeedCount)
        .Select(seed => SwarmCases.Of((ulong)seed)).Where(fuzzCase => fuzzCase.Adversity is { EncryptedPercent: > 0, IsSplit: true });

    private static IStreamSide Plant(string bug, IStreamSide side) => bug switch
    {
        nameof(HandshakeThatNeverFails) => new HandshakeThatNeverFails(side),
        nameof(HandshakeThatLosesSmallReadings) => new HandshakeThatLosesSmallReadings(side),
        nameof(HandshakeThatLeavesTheCipherOut) => new HandshakeThatLeavesTheCipherOut(side),
        _ => new HandshakeThatThrows(side),
    };
}

internal abstract class PlantedInStream(IStreamSide side) : IStreamSide
{
    protected IStreamSide Side { get; } = side;

    public virtual StreamHandshakeState State => Side.State;

    public string? Failure => State == StreamHandshakeState.Failed ? Side.Failure : null;

    public virtual StreamAgreement? Result => Side.Result;

    public virtual void Receive(ReadOnlySpan<byte> bytes) => Side.Receive(bytes);

    public byte[] TakeOutput() => Side.TakeOutput();
}

/// <summary>What has failed goes on to listen.</summary>
internal sealed class HandshakeThatNeverFails(IStreamSide side) : PlantedInStream(side)
{
    public override StreamHandshakeState State => Side.State == StreamHandshakeState.Failed ? StreamHandshakeState.Waiting : Side.State;

    public override void Receive(ReadOnlySpan<byte> bytes)
    {
        if (Side.State == StreamHandshakeState.Waiting)
        {
            Side.Receive(bytes);
        }
    }
}

/// <summary>A reading of a few bytes is thrown away.</summary>
internal sealed class HandshakeThatLosesSmallReadings(IStreamSide side) : PlantedInStream(side)
{
    public override void Receive(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 3)
        {
            Side.Receive(bytes);
        }
    }
}

/// <summary>What comes after the handshake is taken as it is.</summary>
internal sealed class HandshakeThatLeavesTheCipherOut(IStreamSide side) : PlantedInStream(side)
{
    public override StreamAgreement? Result => Side.Result is { } result ? result with { Incoming = null } : null;
}

/// <summary>It does not expect that a reading ends within the padding.</summary>
internal sealed class HandshakeThatThrows(IStreamSide side) : PlantedInStream(side)
{
    public override void Receive(ReadOnlySpan<byte> bytes)
    {
        Side.Receive(bytes);
        _ = bytes.Length % 7 == 0 ? throw new InvalidOperationException("a reading of seven bytes") : 0;
    }
}
