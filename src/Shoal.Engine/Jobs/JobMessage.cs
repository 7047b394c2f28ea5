namespace Shoal.Engine.Jobs;

/// <summary>
/// What the ranks of a job say to each other beside their links: all to or from the tracker, but load requests and loads,
/// which peers exchange too. Between two ranks they keep their order. Plain values; how they become bytes is the driver's.
/// </summary>
public abstract record JobMessage
{
    private JobMessage()
    {
    }

    /// <summary>To the tracker: these files are here, whole.</summary>
    public sealed record Register(IReadOnlyList<JobFile> Owned) : JobMessage;

    /// <summary>To the tracker, in place of Register: the input of this rank is wrong; one line that says what.</summary>
    public sealed record Refuse(string Reason) : JobMessage;

    /// <summary>From the tracker: all peers have registered, and what they own agrees.</summary>
    public sealed record Registered : JobMessage;

    /// <summary>To the tracker: what is there to know of this file? Answered by Hashes or Unavailable.</summary>
    public sealed record HashesRequest(string File) : JobMessage;

    /// <summary>From the tracker: the file.</summary>
    public sealed record Hashes(JobFile File) : JobMessage;

    /// <summary>From the tracker, asked or not: nobody has the file, or nobody any more; one line that says so.</summary>
    public sealed record Unavailable(string File, string Reason) : JobMessage;

    /// <summary>To the tracker: who has, or fetches, the file? Makes the asker one of them. Answered by Swarm.</summary>
    public sealed record SwarmRequest(string File) : JobMessage;

    /// <summary>From the tracker: the ranks that have or fetch the file, but for the asker, in the order in which the policy wants them asked.</summary>
    public sealed record Swarm(string File, IReadOnlyList<int> Holders) : JobMessage;

    /// <summary>To the tracker: how often which rank was asked since the last time, rejected requests included.</summary>
    public sealed record Requested(IReadOnlyList<RankCount> Requests) : JobMessage;

    /// <summary>To a peer: how much has it uploaded? Answered by Load with the same number.</summary>
    public sealed record LoadRequest(int Round) : JobMessage;

    /// <summary>From a peer: the segments that it has uploaded so far.</summary>
    public sealed record Load(int Round, long UploadedCount) : JobMessage;

    /// <summary>To the tracker: the file is complete here.</summary>
    public sealed record FileComplete(string File) : JobMessage;

    /// <summary>To the tracker: the rank cannot serve the file, or no longer; it may be another than the one that says so.</summary>
    public sealed record FileFailed(string File, int Rank, string Reason) : JobMessage;

    /// <summary>To the tracker: every wanted file is complete, or will never be.</summary>
    public sealed record AllComplete : JobMessage;

    /// <summary>From the tracker: the job is over.</summary>
    /// <param name="IsRefused">Whether it ended before any transfer, since the input is wrong.</param>
    /// <param name="Failures">What went wrong, each one line; none if all is well.</param>
    public sealed record Stop(bool IsRefused, IReadOnlyList<string> Failures) : JobMessage;
}

/// <summary>A number for a rank.</summary>
public readonly record struct RankCount(int Rank, int Count);

/// <summary>A message to a rank.</summary>
public readonly record struct JobMail(int Rank, JobMessage Message);
