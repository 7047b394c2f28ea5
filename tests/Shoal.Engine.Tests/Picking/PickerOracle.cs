using Shoal.Engine.Picking;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Picking;

/// <summary>
/// What a picker must know, kept in the plainest way and computed anew for every question; and what its answers must
/// obey. Wrong answers throw.
/// </summary>
internal sealed class PickerOracle(PieceLayout layout)
{
    private readonly Dictionary<(int Piece, int Block), List<LinkId>> _holders = [];
    private readonly HashSet<(int Piece, int Block)> _received = [];
    private readonly HashSet<(LinkId Link, int Piece, int Block)> _delivered = [];
    private readonly List<int> _open = [];
    private bool _hasFinishedPiece;

    public PiecePicker Picker { get; } = new(layout, new Prng(7));

    public Dictionary<LinkId, Bitfield> Peers { get; } = [];

    public HashSet<int> Had { get; } = [];

    public HashSet<int> Unwanted { get; } = [];

    public IEnumerable<(LinkId Link, BlockRequest Block)> Outstanding =>
        from entry in _holders
        orderby entry.Key
        from link in entry.Value
        select (link, layout.BlockAt(new PieceIndex(entry.Key.Piece), entry.Key.Block));

    public IReadOnlyList<int> Open => _open;

    public void Pick(LinkId link, bool fast, int openable, int count, Bitfield? only)
    {
        var isEndgame = Pieces.Any(IsMissing) && !Pieces.Any(p => IsMissing(p) && AvailabilityOf(p) > 0 &&
            (!_open.Contains(p) || Blocks(p).Any(b => IsFree(p, b))));
        Assert.Equal(isEndgame, Picker.IsEndgame);
        var mayRepeat = isEndgame || openable == 0;

        var destination = new BlockRequest[count];
        var picked = Picker.Pick(new PickRequest(link, Peers[link], fast, openable, only, IsLate: static (_, _) => true), destination);
        var isDuplicate = false;
        for (var i = 0; i < picked; i++)
        {
            var (piece, block) = (destination[i].Piece.Value, layout.BlockIndexOf(destination[i]));
            Assert.True(block >= 0);
            isDuplicate = i == 0 ? !IsFree(piece, block) : isDuplicate;
            if (isDuplicate)
            {
                CheckDuplicate(link, piece, block, mayRepeat, only);
            }
            else
            {
                var best = Offers(link, fast, openable, only).Min();
                var offer = OfferOf(link, fast, piece, openable, only);
                Assert.Equal(best.Rank, offer.Rank);
                Assert.Equal(best.Order, offer.Order);
                Assert.Equal(Blocks(piece).First(b => IsFree(piece, b)), block);
            }

            if (!_open.Contains(piece) || StageOf(piece) == PieceStage.Spilled)
            {
                openable--;
                if (!_open.Contains(piece))
                {
                    _open.Add(piece);
                }
                else
                {
                    Restored.Add(piece);
                }
            }

            HoldersOf(piece, block).Add(link);
        }

        if (picked < count && !isDuplicate)
        {
            Assert.Empty(Offers(link, fast, openable, only));
            if (picked == 0 && mayRepeat)
            {
                Assert.DoesNotContain(_open, p => IsOffered(link, p, 0, only) && Blocks(p).Any(b => IsDuplicable(link, p, b)));
            }
        }

        foreach (var piece in Restored)
        {
            Picker.Find(new PieceIndex(piece))!.Stage = PieceStage.Downloading;
        }

        Restored.Clear();
    }

    public void Receive(LinkId link, BlockRequest block)
    {
        var (piece, index) = (block.Piece.Value, layout.BlockIndexOf(block));
        var exclusive = Picker.Find(block.Piece)?.Exclusive;
        var expected = Had.Contains(piece) || _received.Contains((piece, index)) ? BlockOutcome.Duplicate
            : !_open.Contains(piece) || (exclusive is not null && exclusive != link) ? BlockOutcome.Unwanted
            : BlockOutcome.Accepted;
        Assert.Equal(expected, Picker.Receive(link, block));
        HoldersOf(piece, index).Remove(link);
        if (expected == BlockOutcome.Accepted)
        {
            _received.Add((piece, index));
            _delivered.Add((link, piece, index));
            Assert.Equal(link, Picker.Find(block.Piece)!.ContributorOf(index));
            var holders = new LinkId[4];
            var count = Picker.DuplicateHolders(block, holders);
            Assert.Equal(HoldersOf(piece, index).Order(), holders[..count].Order());
        }
    }

    public void Release(LinkId link, BlockRequest block)
    {
        Picker.Release(link, block);
        HoldersOf(block.Piece.Value, layout.BlockIndexOf(block)).Remove(link);
    }

    public void MarkHave(int piece)
    {
        Picker.MarkHave(new PieceIndex(piece));
        _hasFinishedPiece |= _open.Contains(piece);
        Forget(piece);
        _open.Remove(piece);
        Had.Add(piece);
    }

    public void MarkLost(int piece)
    {
        Picker.MarkLost(new PieceIndex(piece));
        Had.Remove(piece);
    }

    public void SetWanted(int piece, bool wanted)
    {
        Picker.SetWanted(new PieceIndex(piece), wanted);
        _ = wanted ? Unwanted.Remove(piece) : Unwanted.Add(piece);
    }

    public void Reset(int piece, LinkId? exclusive)
    {
        Picker.Find(new PieceIndex(piece))!.Slot = new BufferSlot(1);
        Picker.Reset(new PieceIndex(piece), exclusive);
        _received.RemoveWhere(entry => entry.Piece == piece);
        _delivered.RemoveWhere(entry => entry.Piece == piece);
    }

    public void Abandon(int piece)
    {
        foreach (var (link, block) in Outstanding.Where(o => o.Block.Piece.Value == piece).ToList())
        {
            Release(link, block);
        }

        Picker.Abandon(new PieceIndex(piece));
        Forget(piece);
        _open.Remove(piece);
    }

    public void Check()
    {
        Assert.Equal(Had.Order(), Pieces.Where(p => Picker.Have[p]));
        Assert.Equal(Pieces.Count(IsMissing), Picker.WantedMissingCount);
        Assert.Equal(Pieces.Where(IsMissing).Sum(p => (long)layout.LengthOf(new PieceIndex(p))), Picker.MissingBytes);
        Assert.Equal(_open, Picker.Partials.Select(p => p.Piece.Value));
        Assert.All(Pieces, p => Assert.Equal(AvailabilityOf(p), Picker.AvailabilityOf(new PieceIndex(p))));
        Assert.All(Peers.Values, has => Assert.Equal(Pieces.Any(p => IsMissing(p) && has[p]), Picker.IsInteresting(has)));
        foreach (var partial in Picker.Partials)
        {
            var piece = partial.Piece.Value;
            Assert.Equal(Blocks(piece).Sum(b => HoldersOf(piece, b).Count), partial.OutstandingCount);
            Assert.Equal(Blocks(piece).Where(b => _received.Contains((piece, b))), Blocks(piece).Where(b => partial.Received[b]));
            Assert.Equal(
                _delivered.Where(d => d.Piece == piece).Select(d => d.Link).Distinct().Order(), partial.Contributors.Order());
        }
    }

    public IEnumerable<int> Blocks(int piece) => Enumerable.Range(0, layout.BlockCountOf(new PieceIndex(piece)));

    private HashSet<int> Restored { get; } = [];

    private IEnumerable<int> Pieces => Enumerable.Range(0, layout.PieceCount);

    private void CheckDuplicate(LinkId link, int piece, int block, bool mayRepeat, Bitfield? only)
    {
        Assert.True(mayRepeat);
        Assert.True(IsOffered(link, piece, 0, only));
        Assert.True(IsDuplicable(link, piece, block));
        Assert.Equal(
            _open.Where(p => IsOffered(link, p, 0, only))
                .SelectMany(p => Blocks(p).Where(b => IsDuplicable(link, p, b)).Select(b => HoldersOf(p, b).Count)).Min(),
            HoldersOf(piece, block).Count);
    }

    private bool IsDuplicable(LinkId link, int piece, int block) =>
        !_received.Contains((piece, block)) && HoldersOf(piece, block) is { Count: 1 or 2 } holders && !holders.Contains(link);

    private IEnumerable<(int Rank, int Order)> Offers(LinkId link, bool fast, int openable, Bitfield? only) =>
        Pieces.Select(p => OfferOf(link, fast, p, openable, only)).Where(offer => offer.Rank < int.MaxValue);

    /// <summary>How good it is to ask the link for a block of the piece, lower is better.</summary>
    private (int Rank, int Order) OfferOf(LinkId link, bool fast, int piece, int openable, Bitfield? only)
    {
        if (!_open.Contains(piece))
        {
            var isAllowed = openable > 0 && IsMissing(piece) && Peers[link][piece] && only?[piece] != false;
            return isAllowed ? (fast ? 3 : 5, _hasFinishedPiece ? AvailabilityOf(piece) : 0) : (int.MaxValue, 0);
        }

        if (!IsOffered(link, piece, openable, only) || !Blocks(piece).Any(b => IsFree(piece, b)))
        {
            return (int.MaxValue, 0);
        }

        var requesters = Blocks(piece).SelectMany(b => HoldersOf(piece, b)).Distinct().ToList();
        var senders = _delivered.Where(d => d.Piece == piece).Select(d => d.Link).Distinct().ToList();
        var atWork = requesters.Count > 0 ? requesters : senders;
        var rank = Picker.Find(new PieceIndex(piece))!.Exclusive == link || (atWork.Count == 1 && atWork[0] == link) ? 0
            : requesters.Count > 0 ? 4
            : StageOf(piece) == PieceStage.Spilled ? 2
            : 1;
        return (rank, _open.IndexOf(piece));
    }

    private bool IsOffered(LinkId link, int piece, int openable, Bitfield? only)
    {
        var partial = Picker.Find(new PieceIndex(piece))!;
        var stage = StageOf(piece);
        return (stage == PieceStage.Downloading || (stage == PieceStage.Spilled && openable > 0)) &&
            (partial.Exclusive is null || partial.Exclusive == link) &&
            IsMissing(piece) && Peers[link][piece] && only?[piece] != false;
    }

    private PieceStage StageOf(int piece) =>
        Restored.Contains(piece) ? PieceStage.Downloading : Picker.Find(new PieceIndex(piece))!.Stage;

    private bool IsMissing(int piece) => !Had.Contains(piece) && !Unwanted.Contains(piece);

    private bool IsFree(int piece, int block) => !_received.Contains((piece, block)) && HoldersOf(piece, block).Count == 0;

    private int AvailabilityOf(int piece) => Peers.Values.Count(has => has[piece]);

    private List<LinkId> HoldersOf(int piece, int block)
    {
        if (!_holders.TryGetValue((piece, block), out var holders))
        {
            _holders.Add((piece, block), holders = []);
        }

        return holders;
    }

    private void Forget(int piece)
    {
        _received.RemoveWhere(entry => entry.Piece == piece);
        _delivered.RemoveWhere(entry => entry.Piece == piece);
        foreach (var block in Blocks(piece))
        {
            HoldersOf(piece, block).Clear();
        }
    }
}
