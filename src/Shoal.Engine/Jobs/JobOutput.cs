using Shoal.Engine.Swarms;

namespace Shoal.Engine.Jobs;

/// <summary>What a <see cref="JobPeer"/> asks of its driver.</summary>
public abstract record JobOutput
{
    private JobOutput()
    {
    }

    /// <summary>Send the message to the rank.</summary>
    public sealed record Send(int Rank, JobMessage Message) : JobOutput;

    /// <summary>
    /// Add the file's swarm to the session, post ContentReady (with all segments, if it is owned; else with those that lie
    /// there already) and Start; then call <see cref="JobPeer.Opened"/>. From now on its events go to <see cref="JobPeer.Handle(string, SwarmEvent)"/>.
    /// </summary>
    public sealed record Open(JobFile File, bool IsOwned, SwarmOptions Options) : JobOutput;

    /// <summary>Post the input for the file's swarm.</summary>
    public sealed record Post(string File, Input Input) : JobOutput;
}
