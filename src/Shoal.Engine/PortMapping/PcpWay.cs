using Shoal.Protocol;
using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>Asks by PCP (RFC 6887): one MAP request, which counts as answered only by one with the mapping's nonce. Not thread-safe.</summary>
internal sealed class PcpWay(PeerAddress gateway, PeerAddress self, Action<PortMappingOutput> emit) : IMappingWay
{
    private readonly GatewayTalk _talk = new(gateway, emit);
    private MappingRequest _request;

    public MappingProtocol Protocol => MappingProtocol.Pcp;

    public Instant Deadline => Outcome is null ? _talk.Deadline : Instant.Never;

    public MappingOutcome? Outcome { get; private set; } = default(MappingOutcome);

    public void Begin(Instant now, in MappingRequest request)
    {
        (_request, Outcome) = (request, null);
        var map = new PcpMap(request.Nonce, request.Transport, request.InternalPort, request.Suggested);
        _talk.Ask(now, PcpCodec.WriteMapRequest(new PcpMapRequest(self, request.LifetimeSeconds, map)));
    }

    public void Handle(Instant now, PortMappingInput input)
    {
        if (Outcome is null)
        {
            var answer = _talk.Handle(now, input, out var isOver);
            Outcome = isOver ? default(MappingOutcome) : Read(answer);
        }
    }

    // Null if it is no answer to our request.
    private MappingOutcome? Read(ReadOnlySpan<byte> packet)
    {
        if (PcpCodec.IsVersionRefused(packet))
        {
            return default(MappingOutcome);
        }

        if (!PcpCodec.TryReadMapReply(packet, out var reply) ||
            (reply.Map.Nonce, reply.Map.Transport, reply.Map.InternalPort) != (_request.Nonce, _request.Transport, _request.InternalPort))
        {
            return null;
        }

        return reply.Result != PcpResult.Success ? new MappingOutcome(EpochSeconds: reply.EpochSeconds, Failure: Describe(reply.Result))
            : _request.LifetimeSeconds == 0 ? new MappingOutcome(EpochSeconds: reply.EpochSeconds)
            : reply.LifetimeSeconds == 0 || reply.Map.External.IsUnreachable ? new MappingOutcome(Failure: "granted nothing")
            : new MappingOutcome(reply.Map.External, reply.LifetimeSeconds, reply.EpochSeconds);
    }

    private static string Describe(PcpResult result) => result switch
    {
        PcpResult.NotAuthorized => "does not allow it",
        PcpResult.NetworkFailure => "is not connected itself",
        PcpResult.NoResources => "has no more room for it",
        PcpResult.UserExceededQuota => "allows us no more of it",
        PcpResult.AddressMismatch => "is behind another router between us",
        _ => $"answered with error {(byte)result}",
    };
}
