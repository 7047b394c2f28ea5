using Shoal.Engine.Choking;

namespace Shoal.Engine.Tests.Choking;

public sealed class ChokerTests
{
    private static Instant At(long seconds) => new(seconds * 1_000_000_000);

    /// <summary>
    /// Candidates from words "name:rate" (both ways), in capitals if unchoked (since second 0, or since "@second"), with
    /// <c>-</c> in front if not interested and <c>!</c> if snubbed. All connected long ago.
    /// </summary>
    private static ChokeCandidate[] Parse(string text) => [.. text.Split(' ').Select(word =>
    {
        var name = word.TrimStart('-', '!')[0];
        var numbers = word[(word.IndexOf(':') + 1)..].Split('@');
        return new ChokeCandidate
        {
            Link = new LinkId(char.ToLowerInvariant(name)),
            IsInterested = !word.Contains('-'),
            IsSnubbed = word.Contains('!'),
            IsUnchoked = char.IsUpper(name),
            DownloadRateBytesPerSecond = long.Parse(numbers[0]),
            UploadRateBytesPerSecond = long.Parse(numbers[0]),
            UnchokedAt = numbers.Length > 1 ? At(long.Parse(numbers[1])) : Instant.Zero,
        };
    })];

    private static string Names(ChokeCandidate[] candidates) =>
        string.Concat(candidates.Where(c => c.Unchoke).Select(c => (char)c.Link.Value).Order());

    private static string Decide(string text, int slots, bool isSeeding, long now = 1000, SeedingPolicy policy = SeedingPolicy.FastestUpload, ulong seed = 1)
    {
        var candidates = Parse(text);
        new Choker(slots, policy, new Prng(seed)).Decide(At(now), isSeeding, candidates);
        return Names(candidates);
    }

    [Theory]
    // Slots for all: nobody is choked, snubbed or not.
    [InlineData("a:0 b:5 !C:0", 3, "abc")]
    // The best three and one by lot, of which there is but one.
    [InlineData("a:9 b:8 c:7 d:6", 4, "abcd")]
    [InlineData("a:9 b:8 c:7 !D:1@990 !E:6@100", 4, "abcd")]
    // Snubbed ones earn nothing; the lot goes to who waits, not to who had it for long.
    [InlineData("A:9 B:8 !C:7 d:0", 3, "abd")]
    // An optimistic slot is kept for its half minute, and goes on then.
    [InlineData("A:9 B:8 C:0@971 d:0", 3, "abc")]
    [InlineData("A:9 B:8 C:0@970 d:0", 3, "abd")]
    // Ties go to the lower link; one slot is earned.
    [InlineData("b:5 a:5 c:5", 1, "a")]
    [InlineData("a:5", 0, "")]
    // Those who want nothing keep a slot that is to spare and get none.
    [InlineData("a:9 -B:0 -c:0", 2, "ab")]
    [InlineData("a:9 -B:0 c:0", 2, "ac")]
    // Choking off.
    [InlineData("a:9 -B:0 -c:0", int.MaxValue, "abc")]
    public void Slots_are_earned_but_for_one(string candidates, int slots, string expected)
    {
        Assert.Equal(expected, Decide(candidates, slots, isSeeding: false));
        if (!candidates.Contains('!'))
        {
            Assert.Equal(expected, Decide(candidates, slots, isSeeding: true));
        }
    }

    [Fact]
    public void The_lot_falls_on_everybody_and_thrice_as_often_on_newcomers()
    {
        var counts = new Dictionary<char, int>();
        for (var seed = 1UL; seed <= 4000; seed++)
        {
            var candidates = Parse("A:9 b:0 c:0 d:0");
            candidates[0].ConnectedAt = candidates[1].ConnectedAt = candidates[2].ConnectedAt = At(0);
            candidates[3].ConnectedAt = At(950);
            new Choker(2, SeedingPolicy.RoundRobin, new Prng(seed)).Decide(At(1000), false, candidates);
            var drawn = Names(candidates);
            Assert.Equal('a', drawn[0]);
            counts[drawn[1]] = counts.GetValueOrDefault(drawn[1]) + 1;
        }

        Assert.InRange(counts['b'], 700, 900);
        Assert.InRange(counts['c'], 700, 900);
        Assert.InRange(counts['d'], 2200, 2600);
    }

    [Theory]
    // Within their turn they keep their slots.
    [InlineData("A:1@950 B:1@960 c:0", "ab")]
    // Turn over: who waits longest comes next.
    [InlineData("A:1@900 B:1@960 c:0@500 d:0@400", "bd")]
    [InlineData("A:1@900 B:1@900 c:0@500 d:0@400 e:0@600", "cd")]
    // Nobody waits: they keep them.
    [InlineData("A:1@100 B:1@100", "ab")]
    public void Seeding_by_turns_serves_everybody(string candidates, string expected) =>
        Assert.Equal(expected, Decide(candidates, 2, isSeeding: true, policy: SeedingPolicy.RoundRobin));

    [Fact]
    public void A_turn_ends_with_its_bytes()
    {
        var candidates = Parse("A:1@999 B:1@999 c:0@1");
        candidates[1].UploadedBytesSinceUnchoke = Choker.TurnBytes;
        new Choker(2, SeedingPolicy.RoundRobin, new Prng(1)).Decide(At(1000), true, candidates);
        Assert.Equal("ac", Names(candidates));
    }

    [Theory]
    [InlineData(SeedingPolicy.RoundRobin, true)]
    [InlineData(SeedingPolicy.FastestUpload, true)]
    [InlineData(SeedingPolicy.RoundRobin, false)]
    public void Nobody_waits_for_ever_and_no_slot_is_idle_or_given_twice(SeedingPolicy policy, bool isSeeding)
    {
        var choker = new Choker(4, policy, new Prng(9));
        var candidates = Parse("a:50 b:40 c:30 d:20 e:0 f:0 g:0 h:0 i:0 j:0");
        var served = new HashSet<char>();
        for (var now = 100; now < 3000; now += 10)
        {
            choker.Decide(At(now), isSeeding, candidates);
            Assert.Equal(At(now + 10), choker.Deadline);
            Assert.Equal(4, Names(candidates).Length);
            served.UnionWith(Names(candidates));
            foreach (ref var candidate in candidates.AsSpan())
            {
                candidate.UnchokedAt = candidate.Unchoke && !candidate.IsUnchoked ? At(now) : candidate.UnchokedAt;
                candidate.IsUnchoked = candidate.Unchoke;
            }
        }

        Assert.Equal(10, served.Count);
    }

    [Fact]
    public void The_decision_does_not_depend_on_the_callers_order_and_allocates_nothing()
    {
        const string text = "A:9 b:8 c:7 D:0@900 e:0 f:0 G:0@995";
        var reversed = string.Join(' ', text.Split(' ').Reverse());
        for (var seed = 1UL; seed < 50; seed++)
        {
            Assert.Equal(Decide(text, 4, false, seed: seed), Decide(reversed, 4, false, seed: seed));
        }

        var choker = new Choker(4, SeedingPolicy.RoundRobin, new Prng(1));
        var candidates = Parse(text);
        void Rounds()
        {
            for (var i = 0; i < 100; i++)
            {
                choker.Decide(At(1000), i % 2 == 0, candidates);
            }
        }

        Rounds();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Rounds();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_free_slot_is_given_at_once()
    {
        var choker = new Choker(2, SeedingPolicy.RoundRobin, new Prng(1));
        Assert.True(choker.MayUnchokeNow(1));
        Assert.False(choker.MayUnchokeNow(2));
        choker.UploadSlots = int.MaxValue;
        Assert.True(choker.MayUnchokeNow(100_000));
        choker.Decide(At(1), true, []);
        Assert.Equal(Instant.Never, choker.Deadline);
    }
}
