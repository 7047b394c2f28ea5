using Shoal.Engine.Choking;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Tests.Swarms;

/// <summary>
/// Random peers, a random disk and a random clock, from seeds, in every order that a driver may bring: nothing throws,
/// nothing spins, nothing unverified is served, what is counted comes back to nothing, and an honest seeder still completes it.
/// </summary>
public sealed class FuzzTests
{
    private const int PieceLength = 4 * 1024;

    [Fact]
    public void Whatever_peers_send_and_disks_answer_nothing_breaks()
    {
        for (ulong seed = 0; seed < 400; seed++)
        {
            try
            {
                new Run(seed).Go(400);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"seed {seed}: {error.Message}", error);
            }
        }
    }

    private sealed class Run
    {
        private readonly World _world;
        private readonly Prng _prng;
        private readonly Prng _warmth;
        private readonly SessionLimits _limits;
        private readonly Swarm _swarm;
        private readonly Stage _stage;
        private readonly List<RawPeer> _peers = [];
        private bool _knowsContent;
        private int _number = 1;

        public Run(ulong seed)
        {
            _world = new World(seed, (12 * PieceLength) + 700, PieceLength);
            _prng = new Prng(seed);
            _warmth = new Prng(seed);
            _limits = new SessionLimits(
                20, 10, _prng.Next(3) == 0 ? 20_000 : null, _prng.Next(3) == 0 ? 20_000 : null);
            var self = new byte[20];
            self[0] = 255;
            var options = new SwarmOptions
            {
                InfoHash = _world.InfoHash,
                Trackers = [["http://a/announce"], ["http://b/announce"]],
                MaximumConnectionCount = 12,
                UploadSlotCount = _prng.Next(2) == 0 ? 2 : int.MaxValue,
                SeedingPolicy = _prng.Next(2) == 0 ? SeedingPolicy.RoundRobin : SeedingPolicy.FastestUpload,
                BufferBytes = _prng.Next(2) == 0 ? 1 : 6 * PieceLength,
            };
            _swarm = new Swarm(default, options, new PeerId(self), _prng, _limits, new OutputQueue());
            _stage = new Stage(_world, _swarm) { HoldsDisk = true };
            if (_prng.Next(3) > 0)
            {
                Know();
            }

            _stage.Tell(new Input(InputKind.Start));
        }

        public void Go(int steps)
        {
            for (var i = 0; i < steps; i++)
            {
                Step();
                Check();
            }

            if (_prng.Next(2) == 0)
            {
                Complete();
            }

            Stop();
        }

        private void Know()
        {
            _knowsContent = true;
            _stage.KnowContent(_prng.Next(3) == 0 ? _world.Layout.PieceCount : _prng.Next(_world.Layout.PieceCount));
        }

        private void Step()
        {
            var peer = _peers.Count > 0 ? _peers[_prng.Next(_peers.Count)] : null;
            switch (_prng.Next(24))
            {
                case 0:
                    _peers.Add(_stage.Join(_number++, fast: _prng.Next(12) > 0));
                    break;
                case 1:
                    _stage.Tell(new Input(InputKind.PeerFound, Address: Stage.AddressOf(_number++)));
                    break;
                case 2 when _stage.Connecting.Count > 0:
                    var coming = _stage.Connecting[_prng.Next(_stage.Connecting.Count)];
                    coming.Accept();
                    coming.Shake(_prng.Next(5) == 0 ? 1 : _number++, _prng.Next(2) == 0, _prng.Next(2) == 0);
                    _peers.Add(coming);
                    break;
                case 3 when _stage.Connecting.Count > 0:
                    _stage.Connecting[0].HangUp();
                    break;
                case 4:
                    _stage.Wait(TimeSpan.FromMilliseconds(_prng.Next(_prng.Next(5) == 0 ? 40_000 : 1500)));
                    break;
                case 5 or 6 or 7 when _stage.DiskJobCount > 0:
                    _stage.DiskError = _prng.Next(5) == 0 ? "disk full" : null;
                    _stage.DoDisk();
                    break;
                case 8 when _prng.Next(10) == 0 && !_knowsContent:
                    Know();
                    break;
                case 9 when _stage.Announces.Count > 0:
                    _stage.Tell(new Input(InputKind.Announced, Detail: new AnnounceResult(
                        _stage.Announces[^1].Tracker, _stage.Announces[^1].Kind, _prng.Next(2) == 0 ? "no" : null,
                        Peers: [Stage.AddressOf(_number++)])));
                    break;
                case 10 when peer is not null && _prng.Next(4) == 0:
                    peer.HangUp();
                    _peers.Remove(peer);
                    break;
                case 11 or 12 or 13 or 14 when peer is { Expected.Count: > 0 }:
                    peer.Deliver(peer.Expected.Keys.ElementAt(_prng.Next(peer.Expected.Count)), corrupt: _prng.Next(10) == 0);
                    break;
                case 15 when peer is not null:
                    peer.Take(_prng.Next(5));
                    break;
                case 16 when peer is { Uploads.Count: > 0, IsClosed: false }:
                    var failed = peer.Uploads[0];
                    peer.Uploads.RemoveAt(0);
                    _stage.Tell(new Input(InputKind.ReadFailed, Link: peer.Link, Message: PeerMessage.Request(failed), Detail: ReadFailure.Of(failed.Piece, "changed")));
                    break;
                case 17 when peer is not null && _prng.Next(5) == 0:
                    peer.Deliver(Block());
                    break;
                default:
                    peer?.Send(Message(peer));
                    break;
            }
        }

        private BlockRequest Block() => _prng.Next(60) == 0
            ? new BlockRequest(new PieceIndex(_prng.Next(20)), _prng.Next(PieceLength * 2), _prng.Next(200_000))
            : _world.Layout.BlockAt(new PieceIndex(_prng.Next(12)), _prng.Next(4));

        private PeerMessage Message(RawPeer peer)
        {
            switch (_prng.Next(22))
            {
                case 0:
                    return new PeerMessage(PeerMessageKind.Choke);
                case 1 or 2:
                    return new PeerMessage(PeerMessageKind.Unchoke);
                case 3:
                    return new PeerMessage(_prng.Next(2) == 0 ? PeerMessageKind.Interested : PeerMessageKind.NotInterested);
                case 4 or 5:
                    return PeerMessage.Have(new PieceIndex(_prng.Next(_prng.Next(100) == 0 ? 100 : 13)));
                case 6:
                    return new PeerMessage(PeerMessageKind.HaveAll);
                case 7 when _prng.Next(3) == 0:
                    return new PeerMessage(PeerMessageKind.HaveNone);
                case 8:
                    return PeerMessage.Bitfield(new[] { (byte)_prng.NextUInt64(), (byte)(_prng.NextUInt64() & (_prng.Next(100) == 0 ? 0xffu : 0xf8u)) });
                case 9 or 10 or 11 when _knowsContent:
                    return PeerMessage.Request(Block());
                case 12:
                    return PeerMessage.Cancel(Block());
                case 13 or 14:
                    return PeerMessage.Reject(peer.Expected.Count > 0 && _prng.Next(4) > 0
                        ? TakeExpected(peer)
                        : Block());
                case 15:
                    return PeerMessage.AllowedFast(new PieceIndex(_prng.Next(_prng.Next(100) == 0 ? 100 : 13)));
                case 16:
                    return new ExtensionHandshake
                    {
                        MetadataId = (byte)_prng.Next(4),
                        MetadataSize = _prng.Next(3) == 0 ? _prng.Next(1 << 20) : _world.Info.Length,
                        RequestQueueLength = _prng.Next(40),
                    }.ToMessage();
                case 17 or 18:
                    return Metadata();
                case 19:
                    return PeerMessage.Extended(_prng.Next(30), new byte[_prng.Next(40)]);
                case 20 when _prng.Next(100) == 0:
                    return new Handshake(_world.InfoHash, default, true, true).ToMessage();
                default:
                    return new PeerMessage(PeerMessageKind.KeepAlive);
            }
        }

        private BlockRequest TakeExpected(RawPeer peer) => peer.Expected.Keys.ElementAt(_prng.Next(peer.Expected.Count));

        private PeerMessage Metadata()
        {
            var piece = _prng.Next(4);
            var begin = Math.Min(piece * MetadataMessage.PieceLength, _world.Info.Length);
            var data = _world.Info.AsMemory(begin, Math.Min(MetadataMessage.PieceLength, _world.Info.Length - begin));
            return _prng.Next(60) switch
            {
                < 5 => new MetadataMessage(MetadataMessageKind.Reject, piece).ToMessage(2),
                < 20 => new MetadataMessage(MetadataMessageKind.Request, piece).ToMessage(2),
                20 => new MetadataMessage(MetadataMessageKind.Data, piece, 9, new byte[_prng.Next(20_000) % MetadataMessage.PieceLength]).ToMessage(2),
                _ => new MetadataMessage(MetadataMessageKind.Data, piece, _world.Info.Length, data).ToMessage(2),
            };
        }

        // Whatever is announced: a link that has gone, a piece that no layout has.
        private void CheckThatWarmingDoesNothing()
        {
            var deadline = _swarm.Deadline;
            var kind = _warmth.Next(2) == 0 ? InputKind.Message : (InputKind)_warmth.Next((int)InputKind.Stop + 1);
            var link = _warmth.Next(4) switch
            {
                0 => new LinkId((long)_warmth.NextUInt64()),
                1 => LinkId.Incoming(_warmth.Next(_number)), // which may have gone
                _ => _peers.Count > 0 ? _peers[_warmth.Next(_peers.Count)].Link : default,
            };
            var piece = new PieceIndex(_warmth.Next(4) == 0 ? (int)_warmth.NextUInt64() : _warmth.Next(_world.Layout.PieceCount + 1));
            for (var step = 0; step < IMachine.WarmStepCount; step++)
            {
                ((IMachine)_swarm).Warm(kind, link, piece, step);
            }

            Assert.False(_swarm.TryPoll(out _));
            Assert.Equal(deadline, _swarm.Deadline);
        }

        private void Check()
        {
            var deadline = _swarm.Deadline;
            if (deadline <= _stage.Now)
            {
                _stage.Tell(new Input(InputKind.Timer));
                Assert.True(_swarm.Deadline > _stage.Now, "the timer spins");
            }

            _peers.RemoveAll(peer => peer.IsClosed);
            Assert.Equal(_stage.Open.Count() + _stage.Connecting.Count, _limits.ConnectionCount);
            Assert.InRange(_limits.HalfOpenCount, 0, _limits.ConnectionCount);
            Assert.InRange(_stage.SlotCount, 0, 7);
            foreach (var status in _swarm.Status().Peers)
            {
                Assert.InRange(status.OutstandingRequestCount, 0, 512);
            }

            CheckThatWarmingDoesNothing();
            foreach (var connection in _swarm.Connections)
            {
                // Interest is what it should be, counted anew.
                var expected = _swarm.Interest.Count(connection);
                Assert.Equal(expected, connection.InterestingCount);
                Assert.True(connection.AmInterested == (expected > 0) || connection.Phase != ConnectionPhase.Open);
            }
        }

        /// <summary>With the disk whole, everybody else gone and one honest seeder, it becomes complete.</summary>
        private void Complete()
        {
            if (!_knowsContent)
            {
                Know();
            }

            _stage.DiskError = null;
            _stage.HoldsDisk = false;
            foreach (var peer in _stage.Open.ToArray())
            {
                peer.HangUp();
            }

            RawPeer? good = null;
            _stage.Wait(TimeSpan.FromMinutes(10), () =>
            {
                if (good is null or { IsClosed: true } && _swarm.Phase != SwarmPhase.Seeding)
                {
                    good = _stage.Come(2000 + _number);
                    good.Shake(2000 + _number++);
                    good.Offer();
                }

                good?.DeliverAll();
            });
            Assert.True(_swarm.Phase == SwarmPhase.Seeding, $"{_swarm.Phase} {_swarm.Status().HaveCount} {good?.Reason}");
        }

        private void Stop()
        {
            _stage.Tell(new Input(InputKind.Stop));
            _stage.HoldsDisk = false;
            _stage.Wait(TimeSpan.FromSeconds(30));
            Assert.Equal(SwarmPhase.Stopped, _swarm.Phase);
            foreach (var peer in _stage.Connecting.ToArray())
            {
                peer.HangUp();
            }

            Assert.Equal(0, _limits.ConnectionCount);
            Assert.Equal(0, _limits.HalfOpenCount);
            Assert.Equal(0, _stage.SlotCount);
            Assert.Equal(Instant.Never, _swarm.Deadline);
            CheckThatWarmingDoesNothing();
        }
    }
}
