using System.Net;
using Shoal.Engine.Discovery;
using Shoal.Protocol;
using Shoal.Protocol.Discovery;

namespace Shoal.Engine.Tests.Discovery;

/// <summary>Local discovery (BEP 14): when what is announced, and what becomes of what others say.</summary>
public sealed class LocalDiscoveryTests
{
    private const ushort Port = 6881;
    private readonly LocalDiscovery _machine = new("ours", seed: 1);
    private Instant _now = Instant.Zero + TimeSpan.FromSeconds(1000);

    [Fact]
    public void A_torrent_is_announced_at_once_again_after_a_minute_and_then_every_five()
    {
        _machine.Add(_now, Hash(1), Port);
        Assert.Equal([0, 60, 360, 660], AnnouncesOf(1, TimeSpan.FromMinutes(12)));
        _machine.Remove(Hash(1));
        Assert.Equal(Instant.Never, _machine.Deadline);
        Assert.False(_machine.TryAnnounce(_now, out _));
    }

    [Fact]
    public void Torrents_are_announced_together_as_many_as_fit_and_those_of_one_port()
    {
        for (var i = 0; i < LocalAnnounce.MaximumCount + 3; i++)
        {
            _machine.Add(_now, Hash(i), Port);
        }

        _machine.Add(_now, Hash(1000), 1);
        List<LocalAnnounce> announces = [];
        while (_machine.TryAnnounce(_now, out var announce))
        {
            announces.Add(announce);
        }

        Assert.Equal([(24, Port), (3, Port), (1, (ushort)1)], announces.Select(announce => (announce.InfoHashes.Count, announce.Port)));
        Assert.All(announces, announce => Assert.Equal("ours", announce.Cookie));
    }

    [Fact]
    public void A_neighbour_is_told_of_and_answered_soon_and_once()
    {
        _machine.Add(_now, Hash(1), Port);
        Assert.Equal([0, 60], AnnouncesOf(1, TimeSpan.FromSeconds(100)));
        _now += TimeSpan.FromSeconds(60);
        Assert.Equal([new LocalPeer(Hash(1), At(7, 51413))], Hear(7, 51413, 1, 2));
        var answer = Assert.Single(AnnouncesOf(1, TimeSpan.FromSeconds(30)));
        Assert.InRange(answer, 0, 3);
        Assert.Single(Hear(7, 51413, 1)); // known by now
        Assert.Empty(AnnouncesOf(1, TimeSpan.FromSeconds(70)));
    }

    [Fact]
    public void However_many_are_new_a_torrent_is_not_announced_twice_in_a_minute()
    {
        _machine.Add(_now, Hash(1), Port);
        List<double> announces = [];
        for (var second = 0; second < 600; second++)
        {
            Hear(second % 200, (ushort)(1 + second), 1);
            announces.AddRange(AnnouncesOf(1, TimeSpan.FromSeconds(1)).Select(at => at + second));
        }

        Assert.InRange(announces.Count, 5, 11);
        Assert.All(announces.Zip(announces.Skip(1)), pair => Assert.True(pair.Second - pair.First >= 60));
    }

    [Fact]
    public void Not_all_who_have_a_torrent_answer_at_once()
    {
        HashSet<double> answers = [];
        for (ulong seed = 0; seed < 20; seed++)
        {
            var one = new LocalDiscovery("ours", seed);
            one.Add(_now, Hash(1), Port);
            one.TryAnnounce(_now, out _);
            one.Received(_now + TimeSpan.FromMinutes(5), At(7, 1), new LocalAnnounce(1, [Hash(1)], null).ToDatagram(isIPv6: false), []);
            one.TryAnnounce(_now + TimeSpan.FromMinutes(4), out _);
            one.Received(_now + TimeSpan.FromMinutes(6), At(8, 1), new LocalAnnounce(1, [Hash(1)], null).ToDatagram(isIPv6: false), []);
            answers.Add((one.Deadline - _now).TotalSeconds);
        }

        Assert.True(answers.Count > 15);
    }

    [Fact]
    public void Our_own_announces_and_what_cannot_be_reached_are_passed_over()
    {
        _machine.Add(_now, Hash(1), Port);
        Assert.True(_machine.TryAnnounce(_now, out var announce));
        Assert.Empty(Hear(At(7, 6771), announce.ToDatagram(isIPv6: false)));
        Assert.Empty(Hear(PeerAddress.From(IPAddress.Parse("fe80::1"), 6771), Says(51413, 1)));
        Assert.Empty(Hear(At(7, 6771), "BT-SEARCH * HTTP/1.1\r\n"u8.ToArray()));
        Assert.Single(Hear(PeerAddress.From(IPAddress.Parse("fd00::1"), 6771), Says(51413, 1)));
    }

    [Fact]
    public void A_flood_from_any_number_of_addresses_fills_its_bounds_and_no_more()
    {
        _machine.Add(_now, Hash(1), Port);
        _machine.Add(_now, Hash(2), Port);
        var found = 0;
        for (var second = 0; second < 120; second++)
        {
            for (var i = 0; i < 10_000; i++)
            {
                found += Hear(i, (ushort)(1 + second), 1).Count;
            }

            _now += TimeSpan.FromSeconds(1);
        }

        Assert.InRange(found, LocalDiscovery.MaximumFoundPerMinute, 3 * LocalDiscovery.MaximumFoundPerMinute);
        Assert.Single(Hear(7, 1, 2)); // an honest one, for another torrent, once it is over
    }

    [Fact]
    public void More_torrents_than_there_is_room_for_are_refused()
    {
        for (var i = 0; i < LocalDiscovery.MaximumTorrentCount; i++)
        {
            Assert.True(_machine.Add(_now, Hash(i), Port));
        }

        Assert.False(_machine.Add(_now, Hash(-1), Port));
        Assert.True(_machine.Add(_now, Hash(0), 1)); // it moves
    }

    [Fact]
    public void On_a_new_network_all_is_announced_again_but_not_within_the_minute()
    {
        _machine.Add(_now, Hash(1), Port);
        Assert.Equal([0, 60], AnnouncesOf(1, TimeSpan.FromSeconds(90)));
        _machine.NetworkCame(_now);
        Assert.Equal(30, Assert.Single(AnnouncesOf(1, TimeSpan.FromSeconds(60))));
    }

    // The times at which the torrent is announced from now on, in seconds; time goes by.
    private List<double> AnnouncesOf(int number, TimeSpan span)
    {
        List<double> times = [];
        var (start, end) = (_now, _now + span);
        while (_machine.Deadline < end)
        {
            _now = Instant.Max(_now, _machine.Deadline);
            Assert.True(_machine.TryAnnounce(_now, out var announce));
            if (announce.InfoHashes.Contains(Hash(number)))
            {
                times.Add((_now - start).TotalSeconds);
            }
        }

        _now = end;
        return times;
    }

    private List<LocalPeer> Hear(int host, ushort port, params int[] numbers) => Hear(At(host, 6771), Says(port, numbers));

    private List<LocalPeer> Hear(PeerAddress sender, byte[] datagram)
    {
        List<LocalPeer> found = [];
        _machine.Received(_now, sender, datagram, found);
        return found;
    }

    private static byte[] Says(ushort port, params int[] numbers) =>
        new LocalAnnounce(port, [.. numbers.Select(Hash)], "theirs").ToDatagram(isIPv6: false);

    private static PeerAddress At(int host, int port) => PeerAddress.From(new IPAddress([10, 0, (byte)(host >> 8), (byte)host]), port);

    private static InfoHash Hash(int number)
    {
        var bytes = new byte[InfoHash.Length];
        BitConverter.TryWriteBytes(bytes, number);
        return new InfoHash(bytes);
    }
}
