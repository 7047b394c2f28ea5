using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Sessions;

/// <summary>Who we are, and what all swarms together may use. Rates in bytes per second; null for no cap.</summary>
/// <param name="PeerId">Our peer id.</param>
/// <param name="Seed">The seed of all chance; in production from the system's generator.</param>
public sealed record SessionOptions(PeerId PeerId, ulong Seed)
{
    /// <summary>Links at most, over all swarms.</summary>
    public int MaximumConnectionCount { get; init; } = 500;

    /// <summary>Links at most that have not got through their handshake.</summary>
    public int MaximumHalfOpenCount { get; init; } = 50;

    public long? UploadRateBytesPerSecond { get; init; }

    public long? DownloadRateBytesPerSecond { get; init; }
}

/// <summary>How much a session has carried, in blocks.</summary>
/// <param name="UploadedCount">Handed to links to be sent.</param>
/// <param name="DownloadedCount">Received that were of use.</param>
/// <param name="RequestCount">Requests sent.</param>
/// <param name="RejectCount">Requests of ours that were rejected.</param>
public readonly record struct SessionLoad(long UploadedCount, long DownloadedCount, long RequestCount, long RejectCount);

/// <summary>
/// Many swarms behind one door: finds out by the handshake which swarm an incoming link wants, hands every other input to
/// the swarm it is for, and holds the limits that all share. Inputs of a link need no swarm id; all others do.
/// </summary>
public sealed class Session : IMachine
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly OutputQueue _outputs = new();
    private readonly Prng _prng;
    private readonly PeerId _self;
    private readonly SessionLimits _limits;
    private readonly List<Swarm> _swarms = []; // in the order they were added
    private readonly Dictionary<SwarmId, Swarm> _byId = [];
    private readonly Dictionary<InfoHash, Swarm> _byInfoHash = [];
    private readonly Dictionary<LinkId, Swarm> _byLink = [];
    private readonly List<Pending> _pending = []; // in the order they came; at most as many as may be half-open
    private Instant _earliest = Instant.Never; // of the swarms' deadlines
    private int _addedCount;
    private int _turn;

    /// <summary>A session without swarms.</summary>
    public Session(SessionOptions options)
    {
        _prng = new Prng(options.Seed);
        _self = options.PeerId;
        _limits = new SessionLimits(
            options.MaximumConnectionCount,
            options.MaximumHalfOpenCount,
            options.UploadRateBytesPerSecond,
            options.DownloadRateBytesPerSecond);
    }

    /// <inheritdoc/>
    public Instant Deadline
    {
        get
        {
            return _pending.Count > 0 ? Instant.Min(_pending[0].Until, _earliest) : _earliest;
        }
    }

    /// <summary>What this session has done for others and they for it, in blocks, over all swarms.</summary>
    public SessionLoad Load => new(
        _limits.UploadedBlockCount, _limits.DownloadedBlockCount, _limits.RequestCount, _limits.RejectCount);

    /// <summary>Takes a swarm in; it does nothing before its Start.</summary>
    /// <exception cref="InvalidOperationException">The torrent is in the session already.</exception>
    public SwarmId Add(SwarmOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var id = new SwarmId(_addedCount);
        var swarm = new Swarm(id, options, _self, _prng, _limits, _outputs);
        if (!_byInfoHash.TryAdd(options.InfoHash, swarm))
        {
            throw new InvalidOperationException($"torrent {options.InfoHash} is in the session already");
        }

        _addedCount++;
        _swarms.Add(swarm);
        _byId.Add(id, swarm);
        return id;
    }

    /// <summary>How a swarm stands; null if it was forgotten.</summary>
    public SwarmStatus? StatusOf(SwarmId swarm) => _byId.GetValueOrDefault(swarm)?.Status();

    /// <summary>Lets go of a swarm that has stopped. Answers that come for it all the same are passed over.</summary>
    /// <exception cref="InvalidOperationException">It has not stopped.</exception>
    public void Forget(SwarmId swarm)
    {
        if (!_byId.Remove(swarm, out var stopped))
        {
            return;
        }

        if (stopped.Phase != SwarmPhase.Stopped)
        {
            _byId.Add(swarm, stopped);
            throw new InvalidOperationException($"torrent {stopped.InfoHash} has not stopped");
        }

        _swarms.Remove(stopped);
        FindEarliest();
    }

    /// <inheritdoc/>
    public void Handle(Instant now, in Input input)
    {
        switch (input.Kind)
        {
            case InputKind.Timer:
                DropSilent(now);
                Tick(now, input);
                break;
            case InputKind.LinkOpened when input.Link.IsIncoming:
                Accept(now, input);
                break;
            case InputKind.LinkOpened or InputKind.LinkClosed or InputKind.Message or InputKind.BlockReceived
                or InputKind.BlockDiscarded or InputKind.BlocksSent:
                HandleLink(now, input);
                break;
            case InputKind.ReadFailed when input.Link != default:
                Tell(now, _byLink.GetValueOrDefault(input.Link), input);
                break;
            default:
                Tell(now, _byId.GetValueOrDefault(input.Swarm), input);
                break;
        }
    }

    /// <inheritdoc/>
    public bool TryPoll(out Output output)
    {
        if (!_outputs.TryDequeue(out output))
        {
            return false;
        }

        if (output.Kind == OutputKind.Connect)
        {
            _byLink.Add(output.Link, _byId[output.Swarm]);
        }
        else if (output is { Kind: OutputKind.Event, Detail: SwarmEvent.Stopped })
        {
            _byInfoHash.Remove(_byId[output.Swarm].InfoHash);
        }

        return true;
    }

    private void HandleLink(Instant now, in Input input)
    {
        if (_byLink.TryGetValue(input.Link, out var swarm))
        {
            if (input.Kind == InputKind.LinkClosed)
            {
                _byLink.Remove(input.Link);
            }

            Tell(now, swarm, input);
        }
        else if (input.Kind == InputKind.LinkClosed)
        {
            TryTakePending(input.Link, out _);
        }
        else if (input.Kind == InputKind.Message && TryTakePending(input.Link, out var pending))
        {
            Dispatch(now, input, pending);
        }
    }

    // Most inputs concern one swarm of many: the others' deadlines stay as they are.
    private void Tell(Instant now, Swarm? swarm, in Input input)
    {
        if (swarm is null)
        {
            return;
        }

        var before = swarm.Deadline;
        swarm.Handle(now, input);
        if (swarm.Deadline <= _earliest)
        {
            _earliest = swarm.Deadline;
        }
        else if (before == _earliest)
        {
            FindEarliest();
        }
    }

    private void FindEarliest()
    {
        _earliest = Instant.Never;
        foreach (var swarm in _swarms)
        {
            _earliest = Instant.Min(_earliest, swarm.Deadline);
        }
    }

    private bool TryTakePending(LinkId link, out Pending pending)
    {
        var at = _pending.FindIndex(pending => pending.Link == link);
        pending = at < 0 ? default : _pending[at];
        if (at >= 0)
        {
            _pending.RemoveAt(at);
        }

        return at >= 0;
    }

    // Each time another swarm is the first, so that a rate cap is shared fairly.
    private void Tick(Instant now, in Input timer)
    {
        var count = _swarms.Count;
        for (var i = 0; i < count; i++)
        {
            var swarm = _swarms[(i + _turn) % count];
            if (swarm.Deadline <= now)
            {
                Tell(now, swarm, timer);
            }
        }

        _turn = count == 0 ? 0 : (_turn + 1) % count;
    }

    private void Accept(Instant now, in Input input)
    {
        if (_pending.Count >= _limits.MaximumHalfOpenCount ||
            _limits.ConnectionCount + _pending.Count >= _limits.MaximumConnectionCount)
        {
            Refuse(input.Link, "we have enough peers");
            return;
        }

        _pending.Add(new Pending(input.Link, input.Address, now + HandshakeTimeout));
    }

    private void Dispatch(Instant now, in Input handshakeInput, Pending pending)
    {
        if (!Handshake.TryRead(handshakeInput.Message.Payload.Span, out var handshake))
        {
            Refuse(handshakeInput.Link, "sent no handshake");
        }
        else if (!_byInfoHash.TryGetValue(handshake.InfoHash, out var swarm))
        {
            Refuse(handshakeInput.Link, $"asks for {handshake.InfoHash}, which is not shared here");
        }
        else
        {
            _byLink.Add(handshakeInput.Link, swarm);
            Tell(now, swarm, new Input(InputKind.LinkOpened, Link: handshakeInput.Link, Address: pending.Address));
            Tell(now, swarm, handshakeInput);
        }
    }

    private void DropSilent(Instant now)
    {
        while (_pending.Count > 0 && _pending[0].Until <= now)
        {
            Refuse(_pending[0].Link, "no handshake in time");
            _pending.RemoveAt(0);
        }
    }

    private void Refuse(LinkId link, string reason) =>
        _outputs.Enqueue(new Output(OutputKind.CloseLink, default, link, Detail: reason));

    private readonly record struct Pending(LinkId Link, PeerAddress Address, Instant Until);
}
