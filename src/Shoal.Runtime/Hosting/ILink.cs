using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Runtime.Hosting;

/// <summary>
/// One live link as a <see cref="SwarmHost"/> drives it: over TCP, MPI or memory. Every member is called from within a
/// turn of the host, so by one thread at a time, and none may block for long or throw for what the remote did. What
/// happens on the link is posted to <see cref="ILinkEvents"/>. Deeds may be gathered until <see cref="Flush"/>.
/// </summary>
public interface ILink
{
    /// <summary>Queues a control message. Order is kept.</summary>
    void Send(in PeerMessage message);

    /// <summary>
    /// Queues a request and expects its payload at <paramref name="destination"/>, which stays valid until the block
    /// has been posted as received, was forgotten, or the link was closed.
    /// </summary>
    void Request(in BlockRequest block, BufferSlot slot, nint destination);

    /// <summary>
    /// Drops the expectation: once this returns, its destination is never written again. False if there is none any
    /// more, because the block came in already.
    /// </summary>
    bool Forget(in BlockRequest block);

    /// <summary>Queues the block to be read from the store and sent. Order among blocks is kept; control messages may overtake.</summary>
    void Upload(SwarmId swarm, IPieceStore store, in BlockRequest block);

    /// <summary>The turn is over: sends what was queued, with one system call where possible.</summary>
    void Flush();

    /// <summary>
    /// Closes after what is queued was sent, for at most a few seconds. Drops all expectations before it returns.
    /// LinkClosed follows, once.
    /// </summary>
    void Close(string? reason);
}

/// <summary>Opens links for a host. One transport serves one host.</summary>
public interface ILinkTransport
{
    /// <summary>Tells where to post. Called once, before anything else.</summary>
    void Bind(ILinkEvents events);

    /// <summary>
    /// Begins to open a link for the swarm; LinkOpened or LinkClosed follows, never from within this call. May be written to at once.
    /// </summary>
    ILink Connect(LinkId id, SwarmId swarm, PeerAddress address);
}

/// <summary>Where a link tells what happened. Thread-safe.</summary>
public interface ILinkEvents
{
    /// <summary>
    /// Posts inputs as one batch, in order. The caller may find itself running the engine's turn, and may be held up
    /// while the mailbox is full: it must hold no lock that a member of <see cref="ILink"/> takes. An incoming link's
    /// LinkOpened brings the <see cref="ILink"/> as <see cref="Input.Detail"/>.
    /// </summary>
    void Post(ReadOnlySpan<Input> inputs);
}
