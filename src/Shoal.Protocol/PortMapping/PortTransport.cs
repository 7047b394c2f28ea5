namespace Shoal.Protocol.PortMapping;

/// <summary>What a port belongs to, by the numbers of IANA, as PCP writes them.</summary>
public enum PortTransport : byte
{
    /// <summary>TCP.</summary>
    Tcp = 6,

    /// <summary>UDP.</summary>
    Udp = 17,
}
