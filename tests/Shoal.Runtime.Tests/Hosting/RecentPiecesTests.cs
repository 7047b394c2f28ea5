using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime.Hosting;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Hosting;

/// <summary>Pieces that are sent from the memory they came to: the right bytes, bounded, and nobody's else while they are lent.</summary>
public sealed class RecentPiecesTests
{
    private const int PieceLength = 65536;
    private static readonly PieceLayout Layout = new(8 * PieceLength, PieceLength);
    private readonly MemoryStore _store = new(Layout);

    [Fact]
    public unsafe void What_came_last_is_lent_and_the_oldest_make_room()
    {
        using var memory = new SlotMemory(8 * PieceLength, 0);
        using var recent = new RecentPieces(PieceLength, capacity: 2);
        for (var piece = 0; piece < 3; piece++)
        {
            Keep(recent, memory, piece, (byte)piece);
        }

        Assert.Null(Lend(recent, 0));
        foreach (var piece in (int[])[1, 2])
        {
            using var lent = Lend(recent, piece)!;
            Assert.Equal((piece, 100), (lent.Bytes[0], lent.Bytes[-1])); // from the block's first byte on
        }

        Assert.Equal(2 * PieceLength, memory.UsedBytes);
        recent.Clear();
        Assert.Equal(0, memory.UsedBytes);
        Assert.Null(Lend(recent, 2));
    }

    [Fact]
    public unsafe void What_is_lent_stays_until_it_is_given_back()
    {
        using var memory = new SlotMemory(8 * PieceLength, 0);
        using var recent = new RecentPieces(PieceLength, capacity: 1);
        Keep(recent, memory, 0, 7);
        var (one, other) = (Lend(recent, 0)!, Lend(recent, 0)!);
        for (var piece = 1; piece < 4; piece++)
        {
            Keep(recent, memory, piece, 8);
            Assert.Equal(2 * PieceLength, memory.UsedBytes);
        }

        recent.Clear();
        one.Dispose();
        one.Dispose();
        Assert.Equal(7, other.Bytes[0]);
        Assert.Equal(PieceLength, memory.UsedBytes);
        other.Dispose();
        Assert.Equal(0, memory.UsedBytes);
    }

    [Fact]
    public unsafe void No_more_pieces_are_lent_at_once_than_are_kept()
    {
        using var memory = new SlotMemory(8 * PieceLength, 0);
        using var recent = new RecentPieces(PieceLength, capacity: 2);
        var lent = new List<LentBytes>();
        for (var piece = 0; piece < 4; piece++)
        {
            Keep(recent, memory, piece, (byte)piece);
            lent.AddRange([.. Enumerable.Range(0, 3).Select(_ => Lend(recent, piece)).OfType<LentBytes>()]);
        }

        Assert.Equal([0, 0, 0, 1, 1, 1], lent.Select(one => one.Bytes[0]));
        Assert.Equal(4 * PieceLength, memory.UsedBytes);
        lent.Take(3).ToList().ForEach(one => one.Dispose());
        using (var last = Lend(recent, 3))
        {
            Assert.Equal(3, last!.Bytes[0]);
        }

        lent.ForEach(one => one.Dispose());
        recent.Clear();
        Assert.Equal(0, memory.UsedBytes);
    }

    [Fact]
    public unsafe void A_piece_that_came_again_is_lent_as_it_came_last()
    {
        using var memory = new SlotMemory(8 * PieceLength, 0);
        using var recent = new RecentPieces(PieceLength, capacity: 2);
        Keep(recent, memory, 0, 1);
        Keep(recent, memory, 0, 2);
        Keep(recent, memory, 1, 3); // drives out the first
        using var lent = Lend(recent, 0);
        Assert.Equal(2, lent!.Bytes[0]);
    }

    [Fact]
    public async Task A_host_lends_what_was_written_and_nothing_else()
    {
        var (slot, deed) = (new BufferSlot(0), OutputKind.Write);
        var done = new SemaphoreSlim(0);
        var machine = new ScriptedMachine(input =>
        {
            switch (input.Kind)
            {
                case InputKind.PeerFound:
                    return [new Output(deed, new SwarmId(1), Message: new PeerMessage(PeerMessageKind.Piece, new PieceIndex(input.Count)), Slot: slot)];
                case InputKind.PieceWritten or InputKind.WriteFailed or InputKind.PieceHashed:
                    done.Release();
                    return [new Output(OutputKind.ReleaseSlot, new SwarmId(1), Slot: slot)];
                default:
                    return [];
            }
        });
        using var recent = new RecentPieces(PieceLength, capacity: 2);
        await using var host = new SwarmHost(machine, new NotingTransport());
        host.Attach(new SwarmId(1), new SwarmResources { Layout = Layout, Store = _store, Recent = recent });
        foreach (var (piece, kind, fault, isLent) in ((int, OutputKind, string?, bool)[])
            [(0, OutputKind.Write, null, true), (1, OutputKind.Write, "full", false), (2, OutputKind.Hash, null, false), (3, OutputKind.Write, null, true)])
        {
            (deed, _store.Fault) = (kind, fault);
            host.Post(new Input(InputKind.PeerFound, new SwarmId(1), Count: piece));
            await done.WaitAsync(TestContext.Current.CancellationToken);
            using var lent = await host.AskAsync(() => Lend(recent, piece)); // a turn later
            Assert.Equal(isLent, lent is not null);
        }
    }

    [Fact]
    public unsafe void What_was_read_is_lent_like_what_came()
    {
        using var recent = new RecentPieces(PieceLength, capacity: 1);
        recent.Return(recent.Rent());
        var address = recent.Rent();
        new Span<byte>((void*)address, PieceLength).Fill(9);
        recent.Keep(new PieceIndex(5), address);
        using var lent = Lend(recent, 5)!;
        using var memory = new SlotMemory(PieceLength, 0);
        Keep(recent, memory, 6, 1); // what came drives out what was read
        Assert.Equal((nint)lent.Bytes, address + 16384);
        Assert.Equal(9, lent.Bytes[0]);
        var other = recent.Rent();
        Assert.NotEqual(address, other); // it is lent
        recent.Return(other);
    }

    private static unsafe void Keep(RecentPieces recent, SlotMemory memory, int piece, byte content)
    {
        var address = memory.Rent(PieceLength);
        var bytes = new Span<byte>((void*)address, PieceLength);
        bytes.Fill(100);
        bytes[16384..].Fill(content);
        recent.Keep(new PieceIndex(piece), address, memory);
    }

    private static LentBytes? Lend(RecentPieces recent, int piece) => recent.TryLend(new BlockRequest(new PieceIndex(piece), 16384, 16384));
}
