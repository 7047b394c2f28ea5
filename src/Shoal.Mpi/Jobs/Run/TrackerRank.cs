using Shoal.Engine;
using Shoal.Engine.Jobs;
using Shoal.Engine.Swarms;
using Shoal.Mpi.Links;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>Rank 0 of a job: carries messages to and from the <see cref="JobTracker"/>, which decides.</summary>
internal sealed class TrackerRank
{
    private readonly JobTracker _tracker;
    private readonly MpiTransport _transport;

    public TrackerRank(RankLoop loop, int peerCount, BalancePolicy balance, ulong seed)
    {
        _transport = loop.Transport;
        _tracker = new JobTracker(peerCount, balance, seed);
        _transport.Handle(Tags.TrackerRequest, Take);
        _transport.Handle(Tags.Load, Take);
        Send();
    }

    /// <summary>Whether all peers were told to stop.</summary>
    public bool IsOver => _tracker.IsOver;

    /// <summary>Files that peers have told to be complete.</summary>
    public int CompleteCount { get; private set; }

    /// <summary>How it ended.</summary>
    public JobMessage.Stop Outcome => _tracker.Outcome!;

    private void Take(int rank, ReadOnlyMemory<byte> bytes)
    {
        var message = JobCodec.Read(rank, bytes);
        CompleteCount += message is JobMessage.FileComplete ? 1 : 0;
        _tracker.Handle(rank, message);
        Send();
    }

    private void Send()
    {
        while (_tracker.TryPoll(out var mail))
        {
            _transport.Send(mail.Rank, JobCodec.TagOf(from: 0, mail.Message), JobCodec.Write(mail.Message));
        }
    }
}

/// <summary>The tracker is no peer: it has no swarm, and nothing is ever downloaded from it.</summary>
internal sealed class NoMachine : IMachine
{
    public Instant Deadline => Instant.Never;

    public void Handle(Instant now, in Input input)
    {
        // Nobody opens a link to it.
    }

    public bool TryPoll(out Output output)
    {
        output = default;
        return false;
    }
}
