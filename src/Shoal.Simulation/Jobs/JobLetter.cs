using Shoal.Engine.Jobs;

namespace Shoal.Simulation.Jobs;

/// <summary>A job's message on its way from one rank to another.</summary>
internal sealed record JobLetter(int From, int To, JobMessage Message)
{
    /// <summary>A number for all that tells this letter from another.</summary>
    public ulong Digest()
    {
        var (kind, content) = Message switch
        {
            JobMessage.Register register => (1, register.Owned.Count),
            JobMessage.Refuse => (2, 0),
            JobMessage.Registered => (3, 0),
            JobMessage.HashesRequest => (4, 0),
            JobMessage.Hashes => (5, 0),
            JobMessage.Unavailable => (6, 0),
            JobMessage.SwarmRequest => (7, 0),
            JobMessage.Swarm swarm => (8, Mixed(swarm.Holders)),
            JobMessage.Requested requested => (9, Mixed([.. requested.Requests.Select(asked => (asked.Rank * 4096) + asked.Count)])),
            JobMessage.LoadRequest request => (10, request.Round),
            JobMessage.Load load => (11, unchecked((load.Round * 31) + (int)load.UploadedCount)),
            JobMessage.FileComplete => (12, 0),
            JobMessage.FileFailed failed => (13, failed.Rank),
            JobMessage.AllComplete => (14, 0),
            JobMessage.Stop stop => (15, stop.Failures.Count),
            _ => throw new InvalidOperationException($"what is {Message}?"),
        };
        return ((ulong)kind << 60) | ((ulong)(ushort)From << 46) | ((ulong)(ushort)To << 32) | (uint)content;
    }

    private static int Mixed(IReadOnlyList<int> numbers)
    {
        var mixed = 0;
        foreach (var number in numbers)
        {
            mixed = unchecked((mixed * 31) + number);
        }

        return mixed;
    }
}
