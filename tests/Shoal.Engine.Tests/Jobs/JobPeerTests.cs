using Shoal.Engine.Jobs;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Jobs;

/// <summary>One peer of a job alone: how much it takes on at once.</summary>
public sealed class JobPeerTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(20, 16 * MiB, 2)]
    [InlineData(20, 8 * MiB, 4)]
    [InlineData(20, MiB, 16)]
    [InlineData(20, 32, 16)]
    [InlineData(3, 16 * MiB, 2)]
    [InlineData(2, 16 * MiB, 2)]
    public void No_more_files_are_fetched_at_once_than_fit_into_memory(int wantedCount, int segmentLength, int expected)
    {
        var peer = new Peer(wantedCount, segmentLength);
        Assert.Equal(expected, peer.Open.Count);
        for (var i = 1; i <= wantedCount; i++)
        {
            peer.Tell(peer.Open[0], new SwarmEvent.Completed());
            Assert.Equal(Math.Min(expected, wantedCount - i), peer.Open.Count);
        }

        Assert.IsType<JobMessage.AllComplete>(peer.Said[^1]);
    }

    [Fact]
    public void A_file_that_fails_while_it_waits_for_memory_is_passed_over()
    {
        var peer = new Peer(4, 16 * MiB);
        peer.Tell(new JobMessage.Unavailable("file2", "its owner is gone"));
        peer.Tell("file0", new SwarmEvent.Completed());
        Assert.Equal(["file1", "file3"], peer.Open);
        peer.Tell("file1", new SwarmEvent.Completed());
        peer.Tell("file3", new SwarmEvent.Completed());
        Assert.IsType<JobMessage.AllComplete>(peer.Said[^1]);
    }

    /// <summary>A peer that is given the hashes it asks for.</summary>
    private sealed class Peer
    {
        private readonly int _segmentLength;
        private readonly JobPeer _peer;

        public Peer(int wantedCount, int segmentLength)
        {
            _segmentLength = segmentLength;
            _peer = new JobPeer(
                1, BalancePolicy.Swarm, [], [.. Enumerable.Range(0, wantedCount).Select(i => $"file{i}")],
                new Session(JobPeer.SessionOptionsFor(1, 1)), 1);
            Tell(new JobMessage.Registered());
        }

        /// <summary>Files whose swarms are open and that are not complete.</summary>
        public List<string> Open { get; } = [];

        public List<JobMessage> Said { get; } = [];

        public void Tell(string file, SwarmEvent happening)
        {
            Open.Remove(file);
            _peer.Handle(file, happening);
            Drain();
        }

        public void Tell(JobMessage message)
        {
            _peer.Handle(0, message);
            Drain();
        }

        private void Drain()
        {
            while (_peer.TryPoll(out var output))
            {
                if (output is JobOutput.Send { Message: JobMessage.HashesRequest request })
                {
                    _peer.Handle(0, new JobMessage.Hashes(new JobFile(request.File, 200L * _segmentLength, _segmentLength, new byte[200 * PieceHash.Sha1Length])));
                }
                else if (output is JobOutput.Send send)
                {
                    Said.Add(send.Message);
                }
                else if (output is JobOutput.Open open)
                {
                    Open.Add(open.File.Name);
                    _peer.Opened(open.File.Name);
                }
            }
        }
    }
}
