using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>
/// Has a router let some ports in, and keeps them: tries one protocol after the other until one is granted, renews at half of the lease's
/// time, asks again at once where the router has started anew, and from time to time where it refused; in the end it gives them back. One request is under way
/// at a time. It answers whatever comes from others than the gateway, or answers nothing that was asked, by passing it over. Driven like an
/// <see cref="IMachine"/>: handle, then poll until there is nothing; Timer once the deadline has come. Not thread-safe.
/// </summary>
public sealed class RouterPorts
{
    /// <summary>How long after a refusal of every protocol it is tried again; doubled with each in a row.</summary>
    public static readonly TimeSpan FirstRest = TimeSpan.FromMinutes(5);

    /// <summary>The longest rest.</summary>
    public static readonly TimeSpan LongestRest = TimeSpan.FromHours(1);

    /// <summary>How long a mapping still counts that a router has forgotten, for it to be made anew.</summary>
    public static readonly TimeSpan RestartGrace = TimeSpan.FromSeconds(30);

    private readonly RouterPortsOptions _options;
    private readonly Prng _prng;
    private readonly IMappingWay[] _ways;
    private readonly List<PortLease> _leases = []; // one of each transport at most
    private readonly Queue<PortMappingOutput> _outputs = new();
    private readonly RouterClock _clock = new();
    private readonly TimeSpan _shortestWait;
    private readonly List<string> _failures = []; // of this round through the ways
    private PortLease? _asking;
    private Instant _now;
    private int _way;
    private bool _isReleasing;
    private Instant _asksAgainAt = Instant.Zero; // before that no restart has all asked for again

    /// <summary>A machine that asks as soon as it is told of a <see cref="PortMappingInput.Want"/>.</summary>
    /// <param name="options">Who is asked, and how.</param>
    /// <param name="prng">Decides when to renew, and which other port to try.</param>
    public RouterPorts(RouterPortsOptions options, Prng prng)
    {
        (_options, _prng) = (options, prng);
        ArgumentOutOfRangeException.ThrowIfZero(options.Protocols.Count);
        _ways = [.. options.Protocols.Select(protocol => (IMappingWay)(protocol switch
        {
            MappingProtocol.Pcp => new PcpWay(options.Gateway, options.Self, _outputs.Enqueue),
            MappingProtocol.NatPmp => new NatPmpWay(options.Gateway, _outputs.Enqueue),
            _ => new UpnpWay(options.Gateway, options.Self, prng, _outputs.Enqueue),
        }))];
        // Whatever a router grants, it is not asked more often than this.
        _shortestWait = Min(options.Lifetime / 2, TimeSpan.FromSeconds(30));
    }

    /// <summary>When it next wants a Timer.</summary>
    public Instant Deadline => _outputs.Count > 0 ? _now
        : _asking is not null ? _ways[_way].Deadline
        : _isReleasing ? Instant.Never
        : _leases.Aggregate(Instant.Never, (earliest, lease) => Instant.Min(earliest, lease.DueAt));

    /// <summary>What the router lets in now.</summary>
    public IEnumerable<MappedPort> Mapped => _leases.Select(lease => lease.Held).OfType<MappedPort>();

    /// <summary>Whether the end came and everything is given back, as far as the router answered.</summary>
    public bool IsReleased => _isReleasing && _asking is null;

    private uint LifetimeSeconds => (uint)Math.Max(_options.Lifetime.TotalSeconds, 1);

    private PeerAddress AnyAddress => PeerAddress.FromBytes(new byte[_options.Self.Kind == PeerAddressKind.IPv4 ? 4 : 16], 0);

    /// <summary>Tells what happened. Never throws for what a remote did.</summary>
    public void Handle(Instant now, PortMappingInput input)
    {
        _now = now;
        switch (input)
        {
            case PortMappingInput.Want want when !_isReleasing && !_leases.Exists(lease => lease.Transport == want.Transport):
                _leases.Add(new PortLease(want.Transport, want.InternalPort, want.Nonce));
                break;
            case PortMappingInput.Release when !_isReleasing:
                _isReleasing = true;
                _asking = null;
                break;
            case PortMappingInput.Moved:
                Leave();
                break;
            case PortMappingInput.Announcement announcement:
                TakeAnnouncement(now, announcement);
                break;
            default:
                if (_asking is not null)
                {
                    _ways[_way].Handle(now, input);
                }

                break;
        }

        while (_asking is null ? BeginNext(now) : TakeOutcome(now))
        {
        }
    }

    /// <summary>Takes the next thing to do.</summary>
    public bool TryPoll(out PortMappingOutput output) => _outputs.TryDequeue(out output!);

    private bool BeginNext(Instant now)
    {
        foreach (var lease in _leases)
        {
            if (_isReleasing ? lease.MayBeHeld : lease.DueAt <= now)
            {
                Begin(now, lease);
                return true;
            }
        }

        return false;
    }

    private void Begin(Instant now, PortLease lease)
    {
        _asking = lease;
        lease.MayBeHeld = !_isReleasing;
        _ways[_way].Begin(now, lease.Request(_isReleasing ? 0 : LifetimeSeconds, SuggestionFor(lease)));
    }

    // Outside, too, both transports are best had at one number where they have one inside; else the same as inside.
    private PeerAddress SuggestionFor(PortLease lease) =>
        _leases.Find(other => other.Held is not null && other.InternalPort == lease.InternalPort)?.Held!.External ?? AnyAddress.WithPort(lease.InternalPort);

    // True once the request that was under way is through.
    private bool TakeOutcome(Instant now)
    {
        if (_ways[_way].Outcome is not { } outcome)
        {
            return false;
        }

        var lease = _asking!;
        _asking = null;
        if (_isReleasing)
        {
            return true;
        }

        if (outcome.EpochSeconds is { } epoch && _clock.HasRestarted(now, epoch))
        {
            AskForAllAgain(now);
        }

        if (outcome.External.Kind != PeerAddressKind.None)
        {
            Grant(now, lease, outcome);
        }
        else if (_leases.Exists(other => other.Held is not null))
        {
            TryAgainLater(now, lease, outcome.Failure);
        }
        else
        {
            TryNextWay(now, lease, outcome.Failure);
        }

        return true;
    }

    private void Grant(Instant now, PortLease lease, in MappingOutcome outcome)
    {
        var port = new MappedPort(lease.Transport, lease.InternalPort, outcome.External, _ways[_way].Protocol);
        _outputs.Enqueue(port == lease.Held ? new PortMappingOutput.Renewed(port) : new PortMappingOutput.Mapped(port));
        // None should give more than it was asked for (RFC 6886, 3.3). One that says so has read another request than ours, damaged on its way,
        // and may lose the mapping by the same chance: it is asked again as soon as one that gave what we wanted.
        var time = TimeSpan.FromSeconds(Math.Min(outcome.LifetimeSeconds, LifetimeSeconds));
        lease.Held = port;
        lease.ExpiresAt = now + time;
        lease.DueAt = now + Max((time / 2) + Chance(time / 8), _shortestWait); // RFC 6887, 11.2.1
        (lease.Failure, lease.FailureCount) = (null, 0);
        _failures.Clear();
    }

    // The router that maps, or mapped, another port of ours, or this one, is the one to ask.
    private void TryAgainLater(Instant now, PortLease lease, string? failure)
    {
        if (lease.Held is { } held && lease.ExpiresAt <= now)
        {
            _outputs.Enqueue(new PortMappingOutput.Lost(held, Name(failure ?? "does not answer any more")));
            lease.Held = null;
            lease.MayBeHeld = false;
            lease.DueAt = now;
        }
        else if (lease.Held is not null)
        {
            lease.DueAt = Instant.Min(now + Max((lease.ExpiresAt - now) / 2, Min(_shortestWait, RestartGrace / 3)), lease.ExpiresAt);
        }
        else
        {
            Rest(now, lease, Name(failure ?? "does not answer any more"));
        }

        if (!_leases.Exists(other => other.Held is not null))
        {
            ChangeWay(0);
        }
    }

    private void TryNextWay(Instant now, PortLease lease, string? failure)
    {
        lease.MayBeHeld = false;
        if (failure is not null)
        {
            _failures.Add(Name(failure));
        }

        if (_way + 1 < _ways.Length)
        {
            ChangeWay(_way + 1);
            return;
        }

        var reason = _failures.Count > 0 ? string.Join("; ", _failures)
            : $"no router answers to {string.Join(" or ", _options.Protocols.Select(MappedPort.NameOf))}";
        _failures.Clear();
        ChangeWay(0);
        foreach (var waiting in _leases)
        {
            Rest(now, waiting, reason);
        }
    }

    private void Rest(Instant now, PortLease lease, string reason)
    {
        if (lease.Failure != reason)
        {
            lease.Failure = reason;
            _outputs.Enqueue(new PortMappingOutput.Failed(lease.Transport, lease.InternalPort, reason));
        }

        var rest = Min(FirstRest * (1 << Math.Min(lease.FailureCount++, 10)), LongestRest);
        lease.MayBeHeld = false;
        lease.DueAt = now + rest + Chance(rest / 8);
    }

    private void ChangeWay(int way)
    {
        _way = way;
        _clock.Reset();
    }

    private void TakeAnnouncement(Instant now, PortMappingInput.Announcement announcement)
    {
        if (announcement.Source.WithPort(0) != _options.Gateway.WithPort(0) || now < _asksAgainAt || !_leases.Exists(lease => lease.Held is not null))
        {
            return;
        }

        // It has started anew, or has another address (RFC 6886, 3.2.1; RFC 6887, 14.1). Anybody here can say so in the gateway's name: it makes
        // us ask, no more, and not often.
        var packet = announcement.Packet.Span;
        if (NatPmpCodec.TryReadAddressReply(packet, out _) || PcpCodec.TryReadAnnouncement(packet, out _))
        {
            _clock.Reset();
            AskForAllAgain(now);
        }
    }

    // What the router has forgotten counts no more, unless it soon says otherwise. One whose clock runs wild has started anew in every answer:
    // two ports would be asked for by turns without a pause.
    private void AskForAllAgain(Instant now)
    {
        var at = Instant.Max(now, _asksAgainAt);
        _asksAgainAt = at + RestartGrace;
        foreach (var lease in _leases)
        {
            if (lease.Held is not null && lease != _asking && lease.ExpiresAt > at + RestartGrace)
            {
                lease.DueAt = at;
                lease.ExpiresAt = at + RestartGrace;
            }
        }
    }

    private void Leave()
    {
        (_isReleasing, _asking) = (true, null);
        foreach (var lease in _leases)
        {
            var held = lease.Held;
            (lease.Held, lease.MayBeHeld) = (null, false);
            if (held is not null)
            {
                _outputs.Enqueue(new PortMappingOutput.Lost(held, "this machine has another router now"));
            }
        }
    }

    private string Name(string failure) => $"the router ({MappedPort.NameOf(_ways[_way].Protocol)}) {failure}";

    private TimeSpan Chance(TimeSpan most) => TimeSpan.FromTicks((most.Ticks >> 16) * _prng.Next(1 << 16));

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
