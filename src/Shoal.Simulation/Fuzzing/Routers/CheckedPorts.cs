using System.Net;
using Shoal.Engine;
using Shoal.Engine.PortMapping;
using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Simulation.Fuzzing.Routers;

/// <summary>
/// Stands before the machine that has ports mapped and holds all that passes against what it promises. Knows only what passes: what was asked, who
/// answered from where, and so what was granted.
/// </summary>
internal sealed class CheckedPorts(IPortMachine inner, RouterPortsOptions options)
{
    private const int MostOutputs = 100;
    private const int MostReasonLetters = 500;

    /// <summary>Datagrams to the gateway in a minute, for each port: two rounds and some more through the ways that speak to it.</summary>
    private const int MostSentInAMinute = 40;

    /// <summary>HTTP exchanges from one search, or one request, to the next.</summary>
    private const int MostCalls = 60;

    /// <summary>How long a mapping may be claimed beyond its time: for as long as it is being asked for, this one or another.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(10);

    private readonly Grants _grants = new(options.Gateway, (uint)options.Lifetime.TotalSeconds);
    private readonly Dictionary<PortTransport, (MappedPort Port, Instant Until)> _held = [];
    private readonly HashSet<PeerAddress> _answerers = [];
    private readonly HashSet<PortTransport> _wanted = [];
    private readonly Queue<Instant> _sent = new();
    private Instant _now;
    private PortMappingInput _told = new PortMappingInput.Timer();
    private Grant? _grant;
    private int _outputCount;
    private int _callCount;

    public Instant Deadline => inner.Deadline;

    public bool IsReleased => inner.IsReleased;

    public IEnumerable<MappedPort> Mapped => inner.Mapped;

    /// <summary>How often a port was mapped or renewed.</summary>
    public int GrantCount { get; private set; }

    /// <summary>When the last of the mappings that are claimed ends, if it is not renewed.</summary>
    public Instant ClaimedUntil => _held.Values.Select(held => held.Until).Append(Instant.Zero).Max();

    public void Handle(Instant now, PortMappingInput input)
    {
        (_now, _told, _outputCount, _grant) = (now, input, 0, _grants.Of(input));
        _callCount = input is PortMappingInput.Timer ? 0 : _callCount;
        if (input is PortMappingInput.SearchAnswer answer)
        {
            _answerers.Add(answer.Source.WithPort(0));
        }

        if (input is PortMappingInput.Want want)
        {
            _wanted.Add(want.Transport);
        }

        inner.Handle(now, input);
    }

    /// <summary>Takes the next output; where there is none, the turn is over, and what it did to the machine is looked at.</summary>
    public bool TryPoll(out PortMappingOutput output)
    {
        if (!inner.TryPoll(out output))
        {
            EndTurn();
            return false;
        }

        Safety.Require(++_outputCount <= MostOutputs, "there is no end to what is wanted after one input");
        _grants.Asked(output);
        Check(output);
        return true;
    }

    /// <summary>Looks at what shall hold at any time. To be asked now and then.</summary>
    public void Look(Instant now)
    {
        foreach (var (port, until) in _held.Values)
        {
            Safety.Require(now <= until + Grace, $"{port.Transport} {port.InternalPort} is claimed long after its time");
        }
    }

    private void Check(PortMappingOutput output)
    {
        switch (output)
        {
            case PortMappingOutput.ToGateway { Packet.Length: var length }:
                Safety.Require(length <= 100, "a packet to the gateway is long");
                CountSent();
                break;
            case PortMappingOutput.Http http:
                CheckCall(http);
                return;
            case PortMappingOutput.Mapped { Port: var port }:
                Claim(port, isNew: true);
                break;
            case PortMappingOutput.Renewed { Port: var port }:
                Claim(port, isNew: false);
                break;
            case PortMappingOutput.Lost { Port: var port, Reason: var reason }:
                CheckReason(reason);
                Safety.Require(_held.Remove(port.Transport, out var held) && held.Port == port, "a mapping is lost that was not there");
                break;
            case PortMappingOutput.Failed { Reason: var reason }:
                CheckReason(reason);
                break;
            default:
                break;
        }

        _callCount = 0; // another request, or another search for it
    }

    private void CountSent()
    {
        _sent.Enqueue(_now);
        while (_sent.Peek() + TimeSpan.FromMinutes(1) < _now)
        {
            _sent.Dequeue();
        }

        Safety.Require(_sent.Count <= MostSentInAMinute * _wanted.Count, $"the gateway is asked {_sent.Count} times in a minute");
    }

    private void CheckCall(PortMappingOutput.Http http)
    {
        Safety.Require(++_callCount <= MostCalls, "there is no end to HTTP exchanges");
        var isNumeric = IPAddress.TryParse(http.Url.IdnHost, out var address);
        Safety.Require(isNumeric && http.Url is { Scheme: "http", UserInfo: "" }, $"{http.Url} is asked, which is no http address in numbers");
        var host = PeerAddress.From(address!, 0);
        Safety.Require(_answerers.Contains(host), $"{host} is asked, which answered nothing");
        Safety.Require(host == options.Gateway.WithPort(0) || AddressScope.IsLocal(host), $"{host} is asked, which is far away");
        Safety.Require(host != options.Self.WithPort(0) && !host.IsLoopback, "this machine itself is asked");
    }

    private void Claim(MappedPort port, bool isNew)
    {
        Safety.Require(_grant?.Port == port, $"a mapping is claimed that nobody gave: {port}");
        var isHeld = _held.TryGetValue(port.Transport, out var held) && held.Port == port;
        Safety.Require(isNew != isHeld, isNew ? "a mapping is told of twice" : "a mapping is renewed that was not there");
        var time = TimeSpan.FromSeconds(Math.Min(_grant!.LifetimeSeconds, options.Lifetime.TotalSeconds));
        _held[port.Transport] = (port, _now + (time > RouterPorts.RestartGrace ? time : RouterPorts.RestartGrace));
        GrantCount++;
    }

    private static void CheckReason(string reason) => Safety.Require(
        reason.Length is > 0 and <= MostReasonLetters && reason.All(letter => letter is >= ' ' and <= '~'), "a reason is told that is no line of text");

    private void EndTurn()
    {
        Safety.Require(
            inner.Mapped.OrderBy(port => port.Transport).SequenceEqual(_held.Values.Select(held => held.Port).OrderBy(port => port.Transport)),
            "what is mapped is not what was told");
        Safety.Require(
            _told is not PortMappingInput.Timer || inner.Deadline > _now, "a timer spins: its deadline is no later after it than before");
        Safety.Require(!inner.IsReleased || inner.Deadline == Instant.Never, "a timer is set after the end");
    }
}
