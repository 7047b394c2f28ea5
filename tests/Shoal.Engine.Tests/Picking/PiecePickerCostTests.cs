using Shoal.Engine.Picking;
using Shoal.Protocol;
using static Shoal.Engine.Tests.Picking.PickerPicture;

namespace Shoal.Engine.Tests.Picking;

public sealed class PiecePickerCostTests
{
    [Fact]
    public void The_same_seed_gives_the_same_download_and_another_seed_another()
    {
        Assert.Equal(Download(seed: 5), Download(seed: 5));
        Assert.NotEqual(Download(seed: 5), Download(seed: 6));
    }

    [Fact]
    public void Picking_receiving_and_releasing_blocks_allocates_nothing()
    {
        const int blocks = 4096;
        var layout = new PieceLayout(blocks * 16384L * 2, blocks * 16384);
        var picker = new PiecePicker(layout, new Prng(1));
        var all = Full(layout);
        picker.AddAvailability(all);
        picker.AddAvailability(all);
        var buffer = new BlockRequest[8];
        void Exchange(int rounds)
        {
            for (var i = 0; i < rounds; i++)
            {
                var link = LinkOf(i % 2 == 0 ? 'a' : 'b');
                var count = picker.Pick(new PickRequest(link, all, true, 1, IsLate: static (_, _) => true), buffer);
                for (var j = 0; j < count; j++)
                {
                    if ((i + j) % 5 == 0)
                    {
                        picker.Release(link, buffer[j]);
                    }
                    else
                    {
                        picker.Receive(link, buffer[j]);
                    }
                }
            }
        }

        Exchange(100); // opens both pieces and lets the compiler do its work
        var before = GC.GetAllocatedBytesForCurrentThread();
        Exchange(500);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.NotEmpty(picker.Partials);
    }

    [Fact]
    public void A_million_pieces_are_downloaded_from_many_peers_with_gaps()
    {
        const int count = 1_000_000;
        var layout = new PieceLayout(count, 1, 1);
        var picker = new PiecePicker(layout, new Prng(1));
        var peers = new Bitfield[5];
        for (var peer = 0; peer < peers.Length; peer++)
        {
            peers[peer] = new Bitfield(count);
            for (var piece = peer; piece < count; piece += peer + 2)
            {
                peers[peer].Set(piece);
            }

            picker.AddAvailability(peers[peer]);
        }

        var buffer = new BlockRequest[64];
        var fetched = 0;
        for (int idle = 0, turn = 0; idle < peers.Length; turn++)
        {
            var link = new LinkId(turn % peers.Length);
            var picked = picker.Pick(new PickRequest(link, peers[turn % peers.Length], true, 64), buffer);
            idle = picked == 0 ? idle + 1 : 0;
            fetched += picked;
            foreach (var block in buffer.AsSpan(0, picked))
            {
                Assert.Equal(BlockOutcome.Accepted, picker.Receive(link, block));
                picker.MarkHave(block.Piece);
            }
        }

        Assert.Equal(Enumerable.Range(0, count).Count(p => picker.AvailabilityOf(new PieceIndex(p)) > 0), fetched);
        Assert.Equal(count - fetched, picker.WantedMissingCount);
        Assert.Equal(fetched, picker.Have.Count);
    }

    private static string Download(ulong seed)
    {
        var layout = new PieceLayout(100 * 40, 40, 10);
        var picker = new PiecePicker(layout, new Prng(seed));
        var all = Full(layout);
        picker.AddAvailability(all);
        var buffer = new BlockRequest[3];
        var words = new List<string>();
        for (int turn = 0, count; (count = picker.Pick(new PickRequest(new LinkId(turn % 4), all, turn % 3 == 0, 2, IsLate: static (_, _) => true), buffer)) > 0; turn++)
        {
            words.Add(Words(buffer.AsSpan(0, count)));
            foreach (var block in buffer.AsSpan(0, count))
            {
                picker.Receive(new LinkId(turn % 4), block);
                if (picker.Find(block.Piece) is { IsComplete: true })
                {
                    picker.MarkHave(block.Piece);
                }
            }
        }

        Assert.True(picker.IsComplete);
        return string.Join(' ', words);
    }

    private static Bitfield Full(PieceLayout layout)
    {
        var all = new Bitfield(layout.PieceCount);
        all.SetAll();
        return all;
    }
}
