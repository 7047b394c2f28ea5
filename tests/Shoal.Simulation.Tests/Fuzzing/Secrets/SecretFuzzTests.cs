using System.Diagnostics.CodeAnalysis;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;
using Shoal.Simulation.Fuzzing.Secrets;

namespace Shoal.Simulation.Tests.Fuzzing.Secrets;

/// <summary>The fuzzer's secret shares find faults: known ones, planted before what opens them, each within a stated number of seeds.</summary>
public sealed class SecretFuzzTests(ITestOutputHelper output)
{
    // The name, the seeds within which it is found, and a word of what is said of it.
    [Theory]
    [InlineData(nameof(TagThatIsNotLookedAt), 3, "is accepted")]
    [InlineData(nameof(MalformedThatIsTaken), 20, "do not fill it")]
    [InlineData(nameof(MemoryForWhatIsSaid), 3, "bytes of memory")]
    [InlineData(nameof(ThrowsAtShortHeaders), 3, "throws")]
    [InlineData(nameof(DeafToRightOnes), 3, "is not opened")]
    public void A_planted_bug_is_found(string bug, int seedCount, string word)
    {
        for (ulong seed = 0; seed < (ulong)seedCount; seed++)
        {
            if (SecretRun.Run(SecretCases.Of(seed), Plant(bug)) is { Failure: { } failure })
            {
                output.WriteLine($"seed {seed}: {failure}");
                Assert.Contains(word, failure, StringComparison.Ordinal);
                return;
            }
        }

        Assert.Fail($"{bug} is not found within {seedCount} seeds");
    }

    [Fact]
    public void One_of_the_metadata_alone_does_what_it_does_among_the_others()
    {
        var whole = SecretRun.Run(SecretCases.Of(3));
        var plan = SecretCases.Of(3).Plan;
        var opened = Enumerable.Range(0, plan.Count).Sum(number => SecretRun.Run(new SecretCase(3, [], plan with { First = number, Count = 1 })).OpenedCount);
        Assert.Equal(whole.OpenedCount, opened);
        Assert.InRange(opened, 1, plan.Count - 1);
    }

    private static ISecretDoor Plant(string bug) => bug switch
    {
        nameof(TagThatIsNotLookedAt) => new TagThatIsNotLookedAt(),
        nameof(MalformedThatIsTaken) => new MalformedThatIsTaken(),
        nameof(MemoryForWhatIsSaid) => new MemoryForWhatIsSaid(),
        nameof(ThrowsAtShortHeaders) => new ThrowsAtShortHeaders(),
        nameof(DeafToRightOnes) => new DeafToRightOnes(),
        _ => throw new ArgumentException(bug, nameof(bug)),
    };
}

/// <summary>A door with a bug.</summary>
internal abstract class PlantedInDoor : ISecretDoor
{
    private readonly SecretDoor _door = new();

    public virtual bool TryOpen(Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error) =>
        _door.TryOpen(torrent, key, out share, out error);
}

/// <summary>A header whose tag is wrong is opened: as the last that was right.</summary>
internal sealed class TagThatIsNotLookedAt : PlantedInDoor
{
    private SecretShare? _last;

    public override bool TryOpen(Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error)
    {
        if (!base.TryOpen(torrent, key, out share, out error) && error.Contains("does not open", StringComparison.Ordinal))
        {
            share = _last;
        }

        _last = share ?? _last;
        return share is not null;
    }
}

/// <summary>A file list that is malformed is opened: as the last that was right.</summary>
internal sealed class MalformedThatIsTaken : PlantedInDoor
{
    private SecretShare? _last;

    public override bool TryOpen(Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error)
    {
        if (!base.TryOpen(torrent, key, out share, out error) && error.Contains("malformed", StringComparison.Ordinal))
        {
            share = _last;
        }

        _last = share ?? _last;
        return share is not null;
    }
}

/// <summary>Room is made for as much as is said to be sealed.</summary>
internal sealed class MemoryForWhatIsSaid : PlantedInDoor
{
    public override bool TryOpen(Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error)
    {
        GC.KeepAlive(new byte[1 + (torrent.TotalLength * 1000)]);
        return base.TryOpen(torrent, key, out share, out error);
    }
}

/// <summary>It looks for a tag that is not there.</summary>
internal sealed class ThrowsAtShortHeaders : PlantedInDoor
{
    public override bool TryOpen(Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error)
    {
        _ = torrent.SealedHeader.Span[^16..];
        return base.TryOpen(torrent, key, out share, out error);
    }
}

/// <summary>It opens nothing.</summary>
internal sealed class DeafToRightOnes : PlantedInDoor
{
    public override bool TryOpen(Metainfo torrent, SecretKey key, [NotNullWhen(true)] out SecretShare? share, out string error)
    {
        (share, error) = (null, "the link's key does not open it");
        return false;
    }
}
