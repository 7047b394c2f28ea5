using System.Net;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>Peer exchange (BEP 11): what a peer is told of others, and what becomes of what it tells.</summary>
public sealed class PeerExchangeTests
{
    private const int PieceLength = 8 * 1024;
    private const byte TheirId = 7;
    private static readonly TimeSpan Minute = TimeSpan.FromSeconds(61);
    private readonly World _world = new(1, 4 * PieceLength, PieceLength);

    [Fact]
    public void A_peer_is_told_of_the_others_and_then_of_what_has_changed()
    {
        var (stage, listener) = WithListener();
        var outgoing = Meet(stage, 2);
        outgoing.Send(PeerMessageKind.HaveAll);
        outgoing.Send(new ExtensionHandshake { PrefersEncryption = true, ListenPort = 99 }.ToMessage());
        var incoming = Join(stage, 3, port: 51413);
        Join(stage, 4, port: null); // nobody knows where it takes links
        stage.Wait(TimeSpan.FromSeconds(10));
        var told = Assert.Single(Told(listener));
        Assert.Equal(
            [
                new(outgoing.Address, PexFlags.IsReachable | PexFlags.IsSeeder | PexFlags.PrefersEncryption),
                new(incoming.Address.WithPort(51413), PexFlags.None),
            ],
            told.Added);
        Assert.Empty(told.Dropped);

        incoming.HangUp();
        var later = Join(stage, 5, port: 1);
        KeepAlive(stage, TimeSpan.FromSeconds(40));
        Assert.Single(Told(listener)); // not yet
        KeepAlive(stage, Minute);
        Assert.Equal(2, Told(listener).Count);
        Assert.Equal([later.Address.WithPort(1)], Told(listener)[1].Added.Select(peer => peer.Address));
        Assert.Equal([incoming.Address.WithPort(51413)], Told(listener)[1].Dropped);
        KeepAlive(stage, 3 * Minute);
        Assert.Equal(2, Told(listener).Count); // no news, no message
    }

    [Fact]
    public void Each_message_has_at_most_50_peers_and_none_is_told_twice_or_of_itself()
    {
        var (stage, listener) = WithListener();
        for (var i = 2; i < 90; i++)
        {
            Join(stage, i, port: 6881);
        }

        KeepAlive(stage, 3 * Minute);
        Assert.Equal([50, 38], Told(listener).Select(message => message.Added.Count));
        var all = Told(listener).SelectMany(message => message.Added).Select(peer => peer.Address).ToArray();
        Assert.Equal(88, all.Distinct().Count());
        Assert.DoesNotContain(listener.Address, all);
    }

    [Fact]
    public void Who_did_not_ask_is_not_told_and_who_asks_no_more_neither()
    {
        var (stage, listener) = WithListener();
        var deaf = Join(stage, 2, port: 6881);
        listener.Send(new ExtensionHandshake { PexId = 0 }.ToMessage());
        KeepAlive(stage, Minute);
        Assert.DoesNotContain(deaf.Got, message => message.Kind == PeerMessageKind.Extended && message.Begin != ExtensionHandshake.Id);
        Assert.Empty(Told(listener));
    }

    [Fact]
    public void What_a_machine_calls_itself_is_told_on_that_machine_only()
    {
        var (stage, listener) = WithListener();
        var local = Come(stage, PeerAddress.From(IPAddress.Loopback, 50_000), 2);
        local.Send(new ExtensionHandshake { PexId = TheirId, ListenPort = 6882 }.ToMessage());
        var wired = Come(stage, PeerAddress.From(IPAddress.Parse("fe80::7"), 50_000), 3);
        wired.Send(new ExtensionHandshake { ListenPort = 6882 }.ToMessage());
        KeepAlive(stage, Minute);
        Assert.Empty(Told(listener));

        Tell(listener, PeerAddress.From(IPAddress.Loopback, 631), PeerAddress.From(IPAddress.Parse("fe80::7"), 631));
        Assert.Empty(stage.Connecting);
        Tell(local, PeerAddress.From(IPAddress.Loopback, 6883));
        Assert.Single(stage.Connecting);
    }

    [Theory]
    [InlineData("10.0.0.9")]
    [InlineData("172.16.0.9")]
    [InlineData("192.168.1.9")]
    [InlineData("169.254.1.9")]
    [InlineData("fd00::9")]
    public void What_is_in_a_private_network_is_told_to_and_believed_from_peers_there_only(string text)
    {
        var (stage, neighbour) = WithListener();
        var (within, world) = (PeerAddress.From(IPAddress.Parse(text), 6881), PeerAddress.From(IPAddress.Parse("192.0.2.9"), 6881));
        var member = Come(stage, within.WithPort(50_000), 2);
        member.Send(new ExtensionHandshake { ListenPort = within.Port }.ToMessage());
        var stranger = Come(stage, world.WithPort(50_000), 3);
        stranger.Send(new ExtensionHandshake { PexId = TheirId, ListenPort = world.Port }.ToMessage());
        KeepAlive(stage, TimeSpan.FromSeconds(10));
        Assert.Equal(new[] { within, world }.Order(), Assert.Single(Told(neighbour)).Added.Select(peer => peer.Address).Order());
        Assert.Empty(Told(stranger)); // the neighbour's address is one of these, too

        Tell(stranger, within.WithPort(80), world.WithPort(80));
        Assert.Equal([world.WithPort(80)], stage.Connecting.Select(peer => peer.Address));
        Tell(neighbour, within.WithPort(80));
        Assert.Equal([world.WithPort(80), within.WithPort(80)], stage.Connecting.Select(peer => peer.Address));
    }

    [Fact]
    public void Peers_that_are_told_of_are_connected_to_but_for_those_that_are_here()
    {
        var (stage, listener) = WithListener();
        var known = Join(stage, 2, port: 6999);
        Tell(listener, known.Address.WithPort(6999), listener.Address, Stage.AddressOf(9), Stage.AddressOf(10).WithPort(0));
        Assert.Equal([Stage.AddressOf(9)], stage.Connecting.Select(peer => peer.Address));
    }

    [Fact]
    public void A_seeder_does_not_care_for_seeders()
    {
        var (stage, listener) = WithListener(haveCount: 4);
        listener.Send(new PexMessage(
            [new(Stage.AddressOf(8), PexFlags.IsSeeder), new(Stage.AddressOf(9), PexFlags.None)], []).ToMessage(PeerExchange.ExtensionId));
        Assert.Equal([Stage.AddressOf(9)], stage.Connecting.Select(peer => peer.Address));
    }

    [Fact]
    public void One_liar_gets_little_room_however_much_it_says()
    {
        var (stage, liar) = WithListener();
        for (var i = 0; i < 60; i++)
        {
            Tell(liar, [.. Enumerable.Range(1000 + (i * 200), 200).Select(Stage.AddressOf)]);
            KeepAlive(stage, TimeSpan.FromSeconds(20)); // far too often
        }

        var status = ((Swarm)stage.Machine).Status();
        Assert.False(liar.IsClosed);
        Assert.InRange(status.CandidateCount + stage.Connecting.Count, 50, PeerBook.MaximumCountPerSource);
    }

    [Fact]
    public void A_flood_ends_the_link_and_garbage_too()
    {
        var (stage, flooding) = WithListener();
        var babbling = Join(stage, 2, port: 1);
        for (var i = 0; i < 2000; i++)
        {
            flooding.Send(PeerMessage.Extended(PeerExchange.ExtensionId, "de"u8.ToArray()));
        }

        Assert.Contains("floods", flooding.Reason, StringComparison.Ordinal);
        babbling.Send(PeerMessage.Extended(PeerExchange.ExtensionId, "d5:added"u8.ToArray()));
        Assert.Contains("peer exchange", babbling.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_of_a_private_torrent_is_told_or_heard()
    {
        var (stage, _) = Stage.Of(_world, knowsContent: false, options: Exchanging);
        stage.KnowContent(isPrivate: true);
        var peer = Join(stage, 1, port: 6881, pexId: TheirId);
        Join(stage, 2, port: 6881);
        Assert.Null(Offer(peer).PexId);
        Tell(peer, Stage.AddressOf(9));
        stage.Tell(new Input(InputKind.PeerFound, Address: Stage.AddressOf(10), Count: 1)); // found, not named
        KeepAlive(stage, Minute);
        Assert.Empty(Told(peer));
        Assert.Empty(stage.Connecting);
    }

    [Fact]
    public void Once_a_torrent_turns_out_to_be_private_the_offer_is_withdrawn()
    {
        var (stage, _) = Stage.Of(_world, knowsContent: false, options: options => Exchanging(options) with { MaximumConnectionCount = 6 });
        var peer = Join(stage, 1, port: 6881, pexId: TheirId);
        Assert.Equal(PeerExchange.ExtensionId, Offer(peer).PexId);
        Tell(peer, [.. Enumerable.Range(20, 40).Select(Stage.AddressOf)]);
        Assert.NotEqual(0, ((Swarm)stage.Machine).Status().CandidateCount);
        stage.KnowContent(isPrivate: true);
        Assert.Equal((byte)0, Offer(peer).PexId);
        Assert.Equal(0, ((Swarm)stage.Machine).Status().CandidateCount);
        Join(stage, 2, port: 6881);
        KeepAlive(stage, Minute);
        Tell(peer, Stage.AddressOf(9));
        Assert.Empty(Told(peer));
        Assert.DoesNotContain(stage.Connecting, coming => coming.Address == Stage.AddressOf(9));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Where_it_is_off_or_all_are_parts_of_one_job_it_is_not_offered(bool isOn, bool isTrusted)
    {
        var (stage, _) = Stage.Of(_world, options: options => options with { ExchangesPeers = isOn, IsTrusted = isTrusted });
        Assert.Null(Offer(Join(stage, 1, port: 6881)).PexId);
    }

    private static SwarmOptions Exchanging(SwarmOptions options) => options with { ExchangesPeers = true };

    private (Stage Stage, RawPeer Listener) WithListener(int haveCount = 0)
    {
        var (stage, _) = Stage.Of(_world, haveCount, Exchanging);
        return (stage, Join(stage, 1, port: 6881, pexId: TheirId));
    }

    private static RawPeer Join(Stage stage, int number, ushort? port, byte? pexId = null)
    {
        var peer = stage.Join(number);
        peer.Send(new ExtensionHandshake { PexId = pexId, ListenPort = port ?? 0 }.ToMessage());
        return peer;
    }

    private static RawPeer Come(Stage stage, PeerAddress address, int number)
    {
        var peer = stage.Come(address);
        peer.Shake(number);
        return peer;
    }

    private static RawPeer Meet(Stage stage, int number)
    {
        stage.Tell(new Input(InputKind.PeerFound, Address: Stage.AddressOf(number)));
        var peer = stage.Connecting.Single();
        peer.Accept();
        peer.Shake(number);
        return peer;
    }

    private static void Tell(RawPeer peer, params PeerAddress[] added) =>
        peer.Send(new PexMessage([.. added.Select(address => new PexPeer(address, PexFlags.None))], []).ToMessage(PeerExchange.ExtensionId));

    private static void KeepAlive(Stage stage, TimeSpan span) => stage.Wait(span, () =>
    {
        foreach (var peer in stage.Open.ToArray())
        {
            peer.Send(PeerMessageKind.KeepAlive);
        }
    });

    private static List<PexMessage> Told(RawPeer peer) => [.. peer.Got
        .Where(message => message.Kind == PeerMessageKind.Extended && message.Begin == TheirId)
        .Select(message =>
        {
            Assert.Null(PexMessage.TryRead(message.Payload.Span, out var told));
            return told;
        })];

    // The last extension handshake that the peer was sent.
    private static ExtensionHandshake Offer(RawPeer peer)
    {
        var message = peer.Got.Last(message => message.Kind == PeerMessageKind.Extended && message.Begin == ExtensionHandshake.Id);
        Assert.Null(ExtensionHandshake.TryRead(message.Payload.Span, out var handshake));
        return handshake;
    }
}
