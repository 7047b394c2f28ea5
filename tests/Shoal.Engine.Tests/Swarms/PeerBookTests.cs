using System.Net;
using Shoal.Engine.Swarms;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>Addresses that anybody may have made up, beside those that were named by who should know.</summary>
public sealed class PeerBookTests
{
    private static readonly LinkId Liar = LinkId.Incoming(1);
    private readonly PeerBook _book = new();
    private Instant _now = Instant.Zero;

    [Fact]
    public void Hearsay_is_tried_after_what_was_named()
    {
        Assert.True(_book.TryAddHearsay(At(1), Liar, _now));
        _book.Add(At(2), _now);
        Assert.Equal([At(2), At(1)], Take(2));
    }

    [Fact]
    public void Hearsay_has_half_of_the_room_and_makes_room_for_what_is_named()
    {
        for (var i = 0; i < 2 * PeerBook.MaximumCount; i++)
        {
            Assert.Equal(i < PeerBook.MaximumHearsayCount, _book.TryAddHearsay(At(i), Liar, _now));
        }

        Assert.Equal(PeerBook.MaximumHearsayCount, _book.CandidateCount);
        for (var i = 0; i < PeerBook.MaximumCount; i++)
        {
            _book.Add(At(100_000 + i), _now);
        }

        Assert.Equal(PeerBook.MaximumCount, _book.CandidateCount);
        Assert.Equal(0, _book.CountFrom(Liar));
        Assert.False(_book.TryAddHearsay(At(1), Liar, _now));
    }

    [Fact]
    public void Hearsay_that_failed_makes_room_for_other_hearsay_and_is_forgotten_soon()
    {
        for (var i = 0; i < PeerBook.MaximumHearsayCount; i++)
        {
            _book.TryAddHearsay(At(i), Liar, _now);
        }

        Assert.Equal([At(0)], Take(1));
        _book.Ended(At(0), failed: true, useless: false, _now);
        Assert.True(_book.TryAddHearsay(At(5000), null, _now));
        Assert.Equal(PeerBook.MaximumHearsayCount - 1, _book.CountFrom(Liar));
        for (var i = 0; i < 3; i++)
        {
            _now += TimeSpan.FromMinutes(11);
            for (var taken = Take(2000); taken.Count > 0; taken.RemoveAt(0))
            {
                _book.Ended(taken[0], failed: true, useless: false, _now);
            }
        }

        Assert.Equal(0, _book.CandidateCount);
    }

    [Fact]
    public void Hearsay_that_a_link_proves_or_a_tracker_names_is_hearsay_no_longer_but_named_only_if_it_was()
    {
        _book.TryAddHearsay(At(1), Liar, _now);
        _book.TryAddHearsay(At(2), Liar, _now);
        _book.TryAddHearsay(At(3), Liar, _now);
        Take(1);
        _book.Succeeded(At(1));
        _book.Ended(At(1), failed: false, useless: false, _now);
        _book.Add(At(2), _now);
        Assert.Equal(1, _book.CountFrom(Liar));
        _book.ForgetUnnamed();
        Assert.Equal([false, true, false], [_book.Contains(At(1)), _book.Contains(At(2)), _book.Contains(At(3))]);
        Assert.Equal(1, _book.CandidateCount);
    }

    [Fact]
    public void What_is_known_hopeless_or_our_own_is_not_taken_from_hearsay()
    {
        _book.Add(At(1), _now);
        _book.MarkOurs(At(2));
        Assert.False(_book.TryAddHearsay(At(1), Liar, _now));
        Assert.False(_book.TryAddHearsay(At(2), Liar, _now));
        Assert.False(_book.TryAddHearsay(At(3).WithPort(0), Liar, _now));
    }

    private List<PeerAddress> Take(int most)
    {
        List<PeerAddress> taken = [];
        while (taken.Count < most && _book.TryTake(_now, out var address))
        {
            taken.Add(address);
        }

        return taken;
    }

    private static PeerAddress At(int number) => PeerAddress.From(new IPAddress([10, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), 6881);
}
