using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>Asks by NAT-PMP (RFC 6886): for the external address, then for the mapping. Not thread-safe.</summary>
internal sealed class NatPmpWay(PeerAddress gateway, Action<PortMappingOutput> emit) : IMappingWay
{
    private readonly GatewayTalk _talk = new(gateway, emit);
    private MappingRequest _request;
    private PeerAddress _address; // of no kind until it is known

    public MappingProtocol Protocol => MappingProtocol.NatPmp;

    public Instant Deadline => Outcome is null ? _talk.Deadline : Instant.Never;

    public MappingOutcome? Outcome { get; private set; } = default(MappingOutcome);

    private bool IsRelease => _request.LifetimeSeconds == 0;

    public void Begin(Instant now, in MappingRequest request)
    {
        (_request, _address, Outcome) = (request, default, null);
        if (IsRelease)
        {
            AskForMapping(now);
        }
        else
        {
            _talk.Ask(now, NatPmpCodec.WriteAddressRequest());
        }
    }

    public void Handle(Instant now, PortMappingInput input)
    {
        if (Outcome is not null)
        {
            return;
        }

        var answer = _talk.Handle(now, input, out var isOver);
        if (isOver)
        {
            Outcome = default(MappingOutcome);
        }
        else if (!IsRelease && _address.Kind == PeerAddressKind.None)
        {
            TakeAddress(now, answer);
        }
        else
        {
            TakeMapping(answer);
        }
    }

    private void TakeAddress(Instant now, ReadOnlySpan<byte> packet)
    {
        if (!NatPmpCodec.TryReadAddressReply(packet, out var reply))
        {
            return;
        }

        if (reply.Result != NatPmpResult.Success)
        {
            Outcome = Refusal(reply.Result, reply.EpochSeconds);
        }
        else if (reply.Address.WithPort(1).IsUnreachable)
        {
            Outcome = Refusal(NatPmpResult.NetworkFailure, reply.EpochSeconds);
        }
        else
        {
            _address = reply.Address;
            AskForMapping(now);
        }
    }

    private void TakeMapping(ReadOnlySpan<byte> packet)
    {
        if (!NatPmpCodec.TryReadMapReply(packet, out var reply) || reply.Map.Transport != _request.Transport)
        {
            return;
        }

        var (result, epoch, map) = reply;
        if (result != NatPmpResult.Success)
        {
            Outcome = Refusal(result, epoch);
        }
        else if (map.InternalPort == _request.InternalPort)
        {
            Outcome = IsRelease ? new MappingOutcome(EpochSeconds: epoch)
                : map.LifetimeSeconds == 0 || map.ExternalPort == 0 ? new MappingOutcome(Failure: "granted nothing")
                : new MappingOutcome(_address.WithPort(map.ExternalPort), map.LifetimeSeconds, epoch);
        }
    }

    // To end a mapping, no external port is suggested (RFC 6886, 3.4).
    private void AskForMapping(Instant now) => _talk.Ask(now, NatPmpCodec.WriteMapRequest(new NatPmpMapRequest(
        _request.Transport, _request.InternalPort, IsRelease ? (ushort)0 : _request.Suggested.Port, _request.LifetimeSeconds)));

    private static MappingOutcome Refusal(NatPmpResult result, uint epochSeconds) => new(EpochSeconds: epochSeconds, Failure: result switch
    {
        NatPmpResult.UnsupportedVersion => null, // it speaks something else
        NatPmpResult.NotAuthorized => "does not allow it",
        NatPmpResult.NetworkFailure => "is not connected itself",
        NatPmpResult.OutOfResources => "has no more room for it",
        _ => $"answered with error {(ushort)result}",
    });
}
