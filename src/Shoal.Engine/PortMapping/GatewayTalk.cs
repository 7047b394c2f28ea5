using Shoal.Protocol;

namespace Shoal.Engine.PortMapping;

/// <summary>
/// A question to the gateway, sent again after 250 ms, and after twice as long each time (RFC 6886, 3.1); but only four times in all, not
/// nine, since who waits has other ways to try. Not thread-safe.
/// </summary>
internal sealed class GatewayTalk(PeerAddress gateway, Action<PortMappingOutput> emit)
{
    /// <summary>How often a question is sent in all; the last wait ends 3.75 s after the first.</summary>
    private const int MaximumSendCount = 4;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(250);

    private byte[] _packet = [];
    private int _sendCount;

    /// <summary>When it is to be sent again, or given up.</summary>
    public Instant Deadline { get; private set; } = Instant.Never;

    /// <summary>Asks.</summary>
    public void Ask(Instant now, byte[] packet)
    {
        (_packet, _sendCount) = (packet, 0);
        Send(now);
    }

    /// <summary>What an input brings: what may be the answer, or empty if it is none. <paramref name="isOver"/> if none will come any more.</summary>
    public ReadOnlySpan<byte> Handle(Instant now, PortMappingInput input, out bool isOver)
    {
        isOver = false;
        switch (input)
        {
            case PortMappingInput.Timer when now >= Deadline && _sendCount < MaximumSendCount:
                Send(now);
                return default;
            case PortMappingInput.Timer when now >= Deadline:
            case PortMappingInput.Unreachable:
                isOver = true;
                return default;
            case PortMappingInput.Datagram datagram when datagram.Source == gateway:
                return datagram.Packet.Span;
            default:
                return default;
        }
    }

    private void Send(Instant now)
    {
        Deadline = now + (FirstWait * (1 << _sendCount));
        _sendCount++;
        emit(new PortMappingOutput.ToGateway(_packet));
    }
}
