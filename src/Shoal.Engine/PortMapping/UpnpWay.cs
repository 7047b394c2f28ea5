using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>
/// Asks by UPnP (internet gateway device 1 and 2): finds the router by <see cref="UpnpSearch"/> unless it is known from before, then asks it for
/// its external address and the port. Another port is asked for where the port is taken, a mapping for ever where no other is to be had. Not thread-safe.
/// </summary>
internal sealed class UpnpWay : IMappingWay
{
    /// <summary>Orders for one mapping at most, with other ports and other leases.</summary>
    private const int MaximumAddCount = 8;

    private const int FirstDynamicPort = 49152;
    private const int Ok = 200;

    private readonly Prng _prng;
    private readonly PeerAddress _self;
    private readonly UpnpSearch _search;
    private readonly UpnpCalls _calls;
    private MappingRequest _request;
    private UpnpService? _service;
    private PeerAddress _address;
    private string? _failure;   // the last that a service had against it
    private ushort _port;       // the external port that is asked for
    private uint _leaseSeconds;
    private bool _anyPort;
    private int _addCount;
    private bool _isServiceOld; // found for an earlier request: the router may have moved since
    private Step _step = Step.Idle;

    public UpnpWay(PeerAddress gateway, PeerAddress self, Prng prng, Action<PortMappingOutput> emit)
    {
        (_prng, _self) = (prng, self);
        _calls = new UpnpCalls(emit);
        _search = new UpnpSearch(gateway, self, _calls, emit);
    }

    private enum Step
    {
        Idle,
        Searching,
        Address,
        Add,
        Delete,
    }

    public MappingProtocol Protocol => MappingProtocol.Upnp;

    public Instant Deadline => _step == Step.Searching ? _search.Deadline : Instant.Never; // who was called is answered for by the driver

    public MappingOutcome? Outcome { get; private set; } = default(MappingOutcome);

    public void Begin(Instant now, in MappingRequest request)
    {
        (_request, _failure, Outcome) = (request, null, null);
        _calls.Begin();
        if (request.LifetimeSeconds == 0)
        {
            End();
        }
        else if (_service is null)
        {
            Search(now);
        }
        else
        {
            Try(_service, isOld: true);
        }
    }

    public void Handle(Instant now, PortMappingInput input)
    {
        if (Outcome is not null)
        {
            return;
        }

        if (_step == Step.Searching)
        {
            _search.Handle(now, input);
            LookAtSearch();
        }
        else if (input is PortMappingInput.HttpAnswer http && _calls.IsAnswer(http))
        {
            TakeAnswer(now, http);
        }
    }

    private void End()
    {
        if (_service is null)
        {
            Outcome = default(MappingOutcome);
            return;
        }

        _step = Step.Delete;
        _calls.Call(_service.ControlUrl, UpnpWriter.DeleteMapping(_service, _request.Transport, _request.Suggested.Port));
    }

    private void Search(Instant now)
    {
        _step = Step.Searching;
        _search.Begin(now);
    }

    private void LookAtSearch()
    {
        if (_search.Found is { } service)
        {
            Try(service, isOld: false);
        }
        else if (_search.IsOver)
        {
            _step = Step.Idle;
            Outcome = new MappingOutcome(Failure: _failure ?? _search.Failure);
        }
    }

    private void Try(UpnpService service, bool isOld)
    {
        (_service, _isServiceOld, _step) = (service, isOld, Step.Address);
        _calls.Call(service.ControlUrl, UpnpWriter.GetExternalAddress(service));
    }

    private void TakeAnswer(Instant now, PortMappingInput.HttpAnswer http)
    {
        var answer = UpnpReader.ReadAnswer(http.Body);
        switch (_step)
        {
            case Step.Delete:
                Outcome = default(MappingOutcome);
                break;
            case Step.Address when http.Status == Ok && answer.ExternalAddress is { } address && !address.WithPort(1).IsUnreachable:
                _address = address;
                (_port, _leaseSeconds, _anyPort, _addCount) = (_request.Suggested.Port, _request.LifetimeSeconds, _service!.GivesAnyPort, 0);
                Add();
                break;
            case Step.Address:
                GiveUp(now, http, http.Status == Ok ? "is not connected itself" : Describe(answer));
                break;
            case Step.Add when http.Status == Ok && answer.ErrorCode is null:
                // A mapping for ever is renewed like any other: the router may have been started anew.
                var port = (_anyPort ? answer.ReservedPort : null) ?? _port;
                Outcome = new MappingOutcome(_address.WithPort(port == 0 ? _port : port), _request.LifetimeSeconds);
                break;
            default:
                if (!CanChange(answer.ErrorCode) || _addCount >= MaximumAddCount)
                {
                    GiveUp(now, http, Describe(answer));
                    break;
                }

                Add();
                break;
        }
    }

    private void Add()
    {
        _step = Step.Add;
        _addCount++;
        var client = _self.WithPort(_request.InternalPort);
        _calls.Call(_service!.ControlUrl, UpnpWriter.AddMapping(_service, _request.Transport, _port, client, _leaseSeconds, _anyPort));
    }

    // Whether there is something to be asked for in its place (WANIPConnection:1, 2.4.16; WANIPConnection:2, 2.5.16).
    private bool CanChange(int? error)
    {
        switch (error)
        {
            case 725 or 402 when _leaseSeconds != 0: // only permanent leases; some say that the argument is wrong
                _leaseSeconds = 0;
                return true;
            case 718 or 729: // taken
                _port = (ushort)(FirstDynamicPort + _prng.Next(ushort.MaxValue + 1 - FirstDynamicPort));
                return true;
            case 401 or 602 when _anyPort: // there is no such action after all
                _anyPort = false;
                return true;
            default:
                return false;
        }
    }

    // One that was found long ago may be elsewhere by now; else there may be others.
    private void GiveUp(Instant now, PortMappingInput.HttpAnswer http, string? failure)
    {
        _service = null;
        _failure = http.Status == 0 ? http.Failure : failure ?? $"answered with HTTP status {http.Status}";
        if (_isServiceOld)
        {
            Search(now);
        }
        else
        {
            _step = Step.Searching;
            _search.Next();
            LookAtSearch();
        }
    }

    private static string? Describe(in UpnpAnswer answer) => answer.ErrorCode switch
    {
        null => null,
        606 => "does not allow it",
        728 => "has no more room for it",
        { } code => $"answered with error {code}{(string.IsNullOrEmpty(answer.ErrorText) ? "" : $", {answer.ErrorText}")}",
    };
}
