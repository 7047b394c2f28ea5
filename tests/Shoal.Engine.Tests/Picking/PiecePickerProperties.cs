using FsCheck;
using FsCheck.Fluent;
using Shoal.Engine.Picking;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Picking;

/// <summary>Random lives of a picker, each step compared with the oracle.</summary>
public sealed class PiecePickerProperties
{
    [Fact]
    public void A_picker_obeys_the_oracle_at_every_step_and_ends_complete()
    {
        var lives = Gen.Choose(0, int.MaxValue).ArrayOf().ToArbitrary();
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(400).WithEndSize(300),
            Prop.ForAll(lives, steps => Live(steps)));
    }

    private static void Live(int[] steps)
    {
        // Nine pieces of four blocks, the last one short.
        var layout = new PieceLayout((8 * 40) + 15, 40, 10);
        var oracle = new PickerOracle(layout);
        var nextLink = 0;
        foreach (var step in steps)
        {
            Step(oracle, layout, step % 32, step / 32, ref nextLink);
            oracle.Check();
        }

        Finish(oracle, layout, new LinkId(nextLink));
    }

    private static void Step(PickerOracle oracle, PieceLayout layout, int deed, int choice, ref int nextLink)
    {
        var piece = choice % layout.PieceCount;
        LinkId? link = oracle.Peers.Count > 0 ? oracle.Peers.Keys.Order().ElementAt(choice % oracle.Peers.Count) : null;
        switch (deed)
        {
            case 0 or 1:
                var has = new Bitfield(layout.PieceCount);
                for (var i = 0; i < layout.PieceCount; i++)
                {
                    if ((choice >> i & 1) != 0 || choice % 5 == 0)
                    {
                        has.Set(i);
                    }
                }

                oracle.Peers.Add(new LinkId(nextLink++), has);
                oracle.Picker.AddAvailability(has);
                break;
            case 2 when link is { } leaving && choice % 3 == 0:
                foreach (var (_, block) in oracle.Outstanding.Where(o => o.Link == leaving).ToList())
                {
                    oracle.Release(leaving, block);
                }

                foreach (var partial in oracle.Picker.Partials.Where(p => p.Exclusive == leaving))
                {
                    partial.Exclusive = null;
                }

                oracle.Picker.RemoveAvailability(oracle.Peers[leaving]);
                oracle.Peers.Remove(leaving);
                break;
            case 3 when link is { } having:
                if (oracle.Peers[having].Set(piece))
                {
                    oracle.Picker.AddAvailability(new PieceIndex(piece));
                }

                break;
            case >= 4 and < 16 when link is { } asked:
                var only = choice % 7 == 0 ? oracle.Peers.Values.First() : null;
                oracle.Pick(asked, (choice & 64) != 0, choice / 128 % 3, 1 + (choice / 512 % 9), only);
                break;
            case >= 16 and < 25 when oracle.Outstanding.Any():
                var (from, arrived) = oracle.Outstanding.ElementAt(choice % oracle.Outstanding.Count());
                oracle.Receive(from, arrived);
                break;
            case 25 or 26 when oracle.Outstanding.Any():
                var (holder, lost) = oracle.Outstanding.ElementAt(choice % oracle.Outstanding.Count());
                oracle.Release(holder, lost);
                break;
            case 27 when link is { } stranger:
                oracle.Receive(stranger, layout.BlockAt(new PieceIndex(piece), choice / 64 % layout.BlockCountOf(new PieceIndex(piece))));
                break;
            case 28 or 29 when oracle.Picker.Partials.FirstOrDefault(p => p.IsComplete) is { } whole:
                if (choice % 4 == 0)
                {
                    oracle.Reset(whole.Piece.Value, choice % 8 == 0 ? link : null);
                }
                else
                {
                    oracle.MarkHave(whole.Piece.Value);
                }

                break;
            case 30 when choice / 16 % 4 == 0:
                oracle.SetWanted(piece, oracle.Unwanted.Contains(piece));
                break;
            case 30 when choice / 16 % 4 == 1 && oracle.Had.Contains(piece):
                oracle.MarkLost(piece);
                break;
            case 31 when oracle.Open.Count > 0 && choice % 4 == 0:
                oracle.Abandon(oracle.Open[choice / 8 % oracle.Open.Count]);
                break;
            case 31 when oracle.Open.Count > 0:
                var stored = oracle.Picker.Partials[choice / 8 % oracle.Open.Count];
                if (stored.OutstandingCount == 0)
                {
                    stored.Stage = choice % 4 == 1 ? PieceStage.Downloading : PieceStage.Spilled;
                }

                break;
        }
    }

    /// <summary>With a seed and patience every life ends complete, whatever happened before.</summary>
    private static void Finish(PickerOracle oracle, PieceLayout layout, LinkId seed)
    {
        var all = new Bitfield(layout.PieceCount);
        all.SetAll();
        oracle.Peers.Add(seed, all);
        oracle.Picker.AddAvailability(all);
        foreach (var partial in oracle.Picker.Partials)
        {
            partial.Exclusive = null;
        }

        for (var turn = 0; !oracle.Picker.IsComplete; turn++)
        {
            Assert.True(turn < 500, "the picker does not come to an end");
            oracle.Pick(seed, fast: turn % 2 == 0, openable: 1, count: 5, only: null);
            foreach (var (link, block) in oracle.Outstanding.Where(o => o.Link != seed && turn == 100).ToList())
            {
                oracle.Release(link, block); // a block that three links are asked for waits for their time-outs
            }

            foreach (var (link, block) in oracle.Outstanding.Where(o => o.Link == seed).ToList())
            {
                oracle.Receive(link, block);
            }

            foreach (var piece in oracle.Picker.Partials.Where(p => p.IsComplete).Select(p => p.Piece.Value).ToList())
            {
                oracle.MarkHave(piece);
            }

            oracle.Check();
        }
    }
}
