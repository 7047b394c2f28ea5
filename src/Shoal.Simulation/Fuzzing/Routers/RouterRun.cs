using Shoal.Engine;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Simulation.Fuzzing.Routers;

/// <summary>
/// Runs one machine that has ports mapped, and its router. When the weather is over, the router honest and all others are gone, the ports must be had within
/// <see cref="LongestRest"/> of the end of what was granted falsely; from then on what is claimed is there at any time; and in the end nothing is left.
/// </summary>
internal sealed class RouterRun
{
    private const ushort TcpPort = 51413;
    private const ushort UdpPort = 51414;

    /// <summary>A round through all the ways is tried again after an hour and an eighth at the latest; one that has just begun wrongly takes minutes.</summary>
    private static readonly TimeSpan LongestRest = 2 * TimeSpan.FromMinutes(75);

    /// <summary>How long the end may take: a datagram's four sendings for each port, or one HTTP exchange.</summary>
    private static readonly TimeSpan LongestRelease = TimeSpan.FromSeconds(12);

    /// <summary>How long the driver waits for HTTP.</summary>
    private static readonly TimeSpan HttpPatience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MeanTroublePause = TimeSpan.FromSeconds(40);

    private readonly RouterPlan _plan;
    private readonly Agenda _agenda = new();
    private readonly Prng _prng;
    private readonly VirtualRouter _router;
    private readonly Liars _liars;
    private readonly CheckedPorts _machine;
    private readonly List<PortMappingInput> _old = []; // that have come before
    private Instant _armedAt = Instant.Never;
    private bool _mustHold; // what is claimed has to be true by now
    private bool _isOver;

    private RouterRun(RouterCase fuzzCase, Func<IPortMachine, IPortMachine>? plant)
    {
        _plan = fuzzCase.Plan;
        _prng = new Prng(fuzzCase.Seed ^ 0x726f75);
        _router = new VirtualRouter(_plan, _prng) { Trouble = _plan.Trouble };
        _liars = new Liars(_prng);
        var options = new RouterPortsOptions
        {
            Gateway = VirtualRouter.Address,
            Self = VirtualRouter.Client,
            Lifetime = _plan.Lifetime,
        };
        IPortMachine machine = new PortMachine(new RouterPorts(options, new Prng(_prng.NextUInt64())));
        _machine = new CheckedPorts(plant?.Invoke(machine) ?? machine, options);
    }

    private bool IsStormy => _agenda.Now < Instant.Zero + _plan.Weather.Until;

    /// <param name="fuzzCase">What to run.</param>
    /// <param name="plant">Puts a bug before the machine.</param>
    public static RouterOutcome Run(RouterCase fuzzCase, Func<IPortMachine, IPortMachine>? plant = null)
    {
        var run = new RouterRun(fuzzCase, plant);
        var failure = Verdict.Of(run.Play, () => $"at {(run._agenda.Now - Instant.Zero).TotalSeconds:F6} s");
        return new RouterOutcome(fuzzCase, failure, run._agenda.Hash, run._agenda.Count, run._machine.GrantCount);
    }

    private string? Play()
    {
        Tell(Want(PortTransport.Tcp, TcpPort));
        if (_plan.PortCount > 1)
        {
            _agenda.After(TimeSpan.FromSeconds(_prng.Next(20)), () => Tell(Want(PortTransport.Udp, UdpPort)));
        }

        Look();
        MakeTrouble();
        var quietAt = Instant.Zero + _plan.Weather.Until;
        _agenda.RunUntil(quietAt);
        _router.Trouble = RouterTrouble.None;
        Run(Instant.Max(quietAt, _machine.ClaimedUntil) + LongestRest);
        if (WhatIsMissing() is { } missing)
        {
            return missing;
        }

        _mustHold = true;
        Run(_agenda.Now + (3 * _plan.Lifetime));
        if (_plan.RestartsInTheEnd && Restart() is { } lost)
        {
            return lost;
        }

        Tell(new PortMappingInput.Release());
        _mustHold = false;
        Run(_agenda.Now + LongestRelease);
        _isOver = true;
        return !_machine.IsReleased ? $"what is mapped is not given back within {LongestRelease.TotalSeconds:F0} s"
            : _router.LetsIn(_agenda.Now, PortTransport.Tcp, TcpPort) || _router.LetsIn(_agenda.Now, PortTransport.Udp, UdpPort) ? "a port is left open at the router in the end"
            : null;
    }

    private PortMappingInput.Want Want(PortTransport transport, ushort port) => new(transport, port, PcpNonce.Read(Mangle.Noise(PcpNonce.Length, _prng)));

    // It has forgotten all, and may have told so; the next renewal shows it in any case.
    private string? Restart()
    {
        _mustHold = false;
        Announce(_router.Restart(_agenda.Now));
        Run(_agenda.Now + _plan.Lifetime);
        return WhatIsMissing();
    }

    private string? WhatIsMissing()
    {
        var mapped = _machine.Mapped.ToArray();
        return mapped.Length < _plan.PortCount ? $"{mapped.Length} of {_plan.PortCount} ports are mapped by a router that gives them"
            : Array.Find(mapped, port => !_router.LetsIn(_agenda.Now, port)) is { } port ? $"the router does not let in what is claimed: {port}"
            : null;
    }

    private void Run(Instant end) => _agenda.RunUntil(end);

    private void Look()
    {
        _machine.Look(_agenda.Now);
        Safety.Require(!_mustHold || WhatIsMissing() is null, $"all is well, and {(_mustHold ? WhatIsMissing() : "")}");
        if (!_isOver)
        {
            _agenda.After(LookInterval, Look);
        }
    }

    private void Tell(PortMappingInput input)
    {
        _machine.Handle(_agenda.Now, input);
        while (_machine.TryPoll(out var output))
        {
            Do(output);
        }

        Arm();
    }

    private void Do(PortMappingOutput output)
    {
        switch (output)
        {
            case PortMappingOutput.ToGateway { Packet: var packet }:
                _agenda.Note(0, packet.Span);
                Carry(packet.ToArray(), AtRouter);
                break;
            case PortMappingOutput.Search { Packet: var packet }:
                _agenda.Note(1, packet.Span);
                Carry(packet.ToArray(), AtAll);
                break;
            case PortMappingOutput.Http http:
                _agenda.Note(2, System.Text.Encoding.UTF8.GetBytes(http.Url.ToString()));
                Fetch(http);
                break;
            default:
                _agenda.Note(3, System.Text.Encoding.UTF8.GetBytes(output.ToString()));
                break;
        }
    }

    private void AtRouter(byte[] packet)
    {
        var answer = _router.Answer(_agenda.Now, packet);
        if (answer is { Length: 0 })
        {
            _agenda.After(TimeSpan.FromMilliseconds(3), () => Tell(new PortMappingInput.Unreachable()));
        }
        else if (answer is not null)
        {
            Carry(answer, bytes => Arrive(new PortMappingInput.Datagram(VirtualRouter.Address, bytes)));
        }

        if (IsStormy && _plan.Has(RouterTrouble.Spoofed))
        {
            Arrive(Pretend(packet));
        }
    }

    // What the router would say, if it gave another place: from elsewhere, or in its very name by one who has not seen the question, and so not its nonce.
    private PortMappingInput.Datagram Pretend(byte[] question)
    {
        var elsewhere = PeerAddress.FromBytes([203, 0, 113, 9], 1);
        var isPcp = PcpCodec.TryReadMapRequest(question, out var pcp);
        var isBlind = isPcp && _prng.Next(2) == 0;
        var map = pcp.Map with { External = elsewhere, Nonce = isBlind ? PcpNonce.Read(Mangle.Noise(PcpNonce.Length, _prng)) : pcp.Map.Nonce };
        var answer = isPcp ? PcpCodec.WriteMapReply(new PcpMapReply(PcpResult.Success, 3600, 5, map))
            : NatPmpCodec.TryReadMapRequest(question, out var asked) ? NatPmpCodec.WriteMapReply(new NatPmpMapReply(NatPmpResult.Success, 5, asked with { ExternalPort = 1 }))
            : NatPmpCodec.WriteAddressReply(new NatPmpAddressReply(NatPmpResult.Success, 5, elsewhere));
        var source = isBlind ? VirtualRouter.Address
            : _prng.Next(2) == 0 ? VirtualRouter.Address.WithPort(1234)
            : PeerAddress.FromBytes([192, 168, 1, 9], VirtualRouter.Address.Port);
        return new PortMappingInput.Datagram(source, answer);
    }

    private void AtAll(byte[] search)
    {
        if (_router.AnswerSearch(search) is { } answer)
        {
            Carry(answer, bytes => Arrive(new PortMappingInput.SearchAnswer(VirtualRouter.Address.WithPort(1900), bytes)));
        }

        for (var i = IsStormy && _plan.Has(RouterTrouble.Liars) ? _prng.Next(30) : 0; i > 0; i--)
        {
            var lie = _liars.SearchAnswer();
            _agenda.After(TimeSpan.FromMilliseconds(_prng.Next(1000)), () => Arrive(lie));
        }
    }

    private void Fetch(PortMappingOutput.Http http)
    {
        var isRouter = http.Url.Host == VirtualRouter.Location.Host;
        if (!IsStormy || (isRouter && !_plan.Has(RouterTrouble.BadHttp)))
        {
            var (status, body) = isRouter ? _router.AnswerHttp(_agenda.Now, http) : (0, "");
            AnswerLater(TimeSpan.FromMilliseconds(5 + _prng.Next(100)), http, status, System.Text.Encoding.UTF8.GetBytes(body));
        }
        else if (_prng.Next(6) == 0)
        {
            AnswerLater(HttpPatience, http, 0, []);
        }
        else if (isRouter && _prng.Next(2) == 0)
        {
            var (status, body) = _router.AnswerHttp(_agenda.Now, http);
            AnswerLater(TimeSpan.FromMilliseconds(_prng.Next(5000)), http, status, _liars.Damage(System.Text.Encoding.UTF8.GetBytes(body)));
        }
        else
        {
            var (status, body) = _liars.AnswerHttp(http);
            AnswerLater(TimeSpan.FromMilliseconds(_prng.Next(5000)), http, status, body);
        }
    }

    private void AnswerLater(TimeSpan time, PortMappingOutput.Http http, int status, byte[] body)
    {
        var answer = new PortMappingInput.HttpAnswer(
            http.Id, status, body.AsMemory(0, Math.Min(body.Length, UpnpReader.MaximumLength)), status == 0 ? "did not answer within 5 s" : null);
        _agenda.After(time, () => Arrive(answer));
    }

    // Things that nobody asked for.
    private void MakeTrouble()
    {
        if (!IsStormy)
        {
            return;
        }

        if (_plan.Has(RouterTrouble.Reboots) && _prng.Next(4) == 0)
        {
            Announce(_router.Restart(_agenda.Now));
        }

        if (_plan.Has(RouterTrouble.Announcements))
        {
            for (var i = _prng.Next(20); i > 0; i--)
            {
                var packet = PcpCodec.WriteAnnouncement((uint)_prng.NextUInt64());
                Arrive(new PortMappingInput.Announcement(VirtualRouter.Address, _prng.Next(2) == 0 ? packet : Mangle.Any(packet, _prng)));
            }
        }

        if (_plan.Has(RouterTrouble.OldAnswers) && _old.Count > 0)
        {
            Arrive(_old[_prng.Next(_old.Count)]);
        }

        _agenda.After(TimeSpan.FromTicks(Time.Chance.Exponential(_prng, MeanTroublePause.Ticks) + 1), MakeTrouble);
    }

    private void Announce(IReadOnlyList<byte[]> packets)
    {
        foreach (var packet in packets)
        {
            Carry(packet, bytes => Arrive(new PortMappingInput.Announcement(VirtualRouter.Address.WithPort(NatPmpCodec.AnnouncementPort), bytes)));
        }
    }

    private void Arrive(PortMappingInput input)
    {
        if (IsStormy && _plan.Has(RouterTrouble.OldAnswers) && _old.Count < 100)
        {
            _old.Add(input);
        }

        Tell(input);
    }

    private void Carry(byte[] packet, Action<byte[]> arrive) =>
        _plan.Weather.Carry(_agenda, _prng, TimeSpan.FromMilliseconds(1 + _prng.Next(50)), packet, arrive);

    private void Arm()
    {
        var deadline = Instant.Max(_machine.Deadline, _agenda.Now);
        if (deadline < _armedAt)
        {
            _armedAt = deadline;
            _agenda.At(deadline, () => Wake(deadline));
        }
    }

    private void Wake(Instant deadline)
    {
        if (_armedAt == deadline)
        {
            _armedAt = Instant.Never;
            if (_machine.Deadline <= _agenda.Now)
            {
                Tell(new PortMappingInput.Timer());
            }
            else
            {
                Arm();
            }
        }
    }
}
