using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>
/// Looks for UPnP services that map ports: asks all of the network, reads the descriptions of those who answer, the default gateway's first,
/// and offers their services one after the other. Only devices at local addresses, or the gateway, are looked at, and each speaks for
/// itself only; this machine is none. Not thread-safe.
/// </summary>
internal sealed class UpnpSearch(PeerAddress gateway, PeerAddress self, UpnpCalls calls, Action<PortMappingOutput> emit)
{
    /// <summary>Descriptions that are read at most.</summary>
    private const int MaximumDeviceCount = 8;

    /// <summary>How often it is asked, since datagrams get lost.</summary>
    private const int MaximumRoundCount = 3;

    private const int AnswerSeconds = 1;
    private const int Ok = 200;

    private static readonly TimeSpan RoundTime = TimeSpan.FromSeconds(AnswerSeconds);

    // A device of the second version answers to the first, too; not all do.
    private static readonly byte[][] Questions =
    [
        SsdpCodec.WriteSearch("urn:schemas-upnp-org:device:InternetGatewayDevice:1", AnswerSeconds),
        SsdpCodec.WriteSearch("urn:schemas-upnp-org:device:InternetGatewayDevice:2", AnswerSeconds),
    ];

    private readonly List<Uri> _seen = [];                 // every description that was, or will be, read
    private readonly Queue<UpnpService> _services = new(); // of the device that was read last
    private int _readCount;
    private int _roundCount;

    /// <summary>When it wants a Timer.</summary>
    public Instant Deadline { get; private set; } = Instant.Never;

    /// <summary>A service to try, until <see cref="Next"/>.</summary>
    public UpnpService? Found { get; private set; }

    /// <summary>Whether there is no other.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Why there is none, if anybody answered at all.</summary>
    public string? Failure => _seen.Count == 0 ? null : "describes nothing that maps ports";

    /// <summary>Begins anew.</summary>
    public void Begin(Instant now)
    {
        _seen.Clear();
        _services.Clear();
        (_readCount, _roundCount, Found, IsOver) = (0, 0, null, false);
        Ask(now);
    }

    /// <summary>Tells of something that happened.</summary>
    public void Handle(Instant now, PortMappingInput input)
    {
        switch (input)
        {
            case PortMappingInput.Timer when now >= Deadline && _roundCount < MaximumRoundCount && _seen.Count == 0:
                Ask(now);
                break;
            case PortMappingInput.Timer when now >= Deadline:
                Deadline = Instant.Never;
                Next();
                break;
            case PortMappingInput.SearchAnswer answer when Deadline != Instant.Never:
                TakeDevice(answer);
                break;
            case PortMappingInput.HttpAnswer http when calls.IsAnswer(http):
                TakeDescription(http);
                break;
            default:
                break;
        }
    }

    /// <summary>What was found will not do: the next.</summary>
    public void Next()
    {
        if (!calls.AreSpent && _services.TryDequeue(out var service))
        {
            Found = service;
            return;
        }

        Found = null;
        IsOver = calls.AreSpent || _readCount == _seen.Count;
        if (!IsOver)
        {
            calls.Call(_seen[_readCount++], null);
        }
    }

    private void Ask(Instant now)
    {
        _roundCount++;
        Deadline = now + RoundTime;
        foreach (var question in Questions)
        {
            emit(new PortMappingOutput.Search(question));
        }
    }

    // The gateway is what we look for, so that its answer ends the search; others wait for the end of the round.
    private void TakeDevice(PortMappingInput.SearchAnswer answer)
    {
        var isGateway = answer.Source.WithPort(0) == gateway.WithPort(0);
        if ((!isGateway && !IsNeighbour(answer.Source)) || !SsdpCodec.TryReadLocation(answer.Packet.Span, answer.Source, out var location))
        {
            return;
        }

        if (isGateway)
        {
            _seen.Remove(location);
            _seen.Insert(0, location);
            Deadline = Instant.Never;
            Next();
        }
        else if (_seen.Count < MaximumDeviceCount && !_seen.Contains(location))
        {
            _seen.Add(location);
        }
    }

    private bool IsNeighbour(PeerAddress source) =>
        AddressScope.IsLocal(source) && !source.IsLoopback && source.WithPort(0) != self.WithPort(0);

    private void TakeDescription(PortMappingInput.HttpAnswer http)
    {
        if (http.Status == Ok)
        {
            foreach (var service in UpnpReader.ReadServices(http.Body, _seen[_readCount - 1]))
            {
                _services.Enqueue(service);
            }
        }

        Next();
    }
}
