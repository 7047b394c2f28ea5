using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>The clients of Debian that the tests meet.</summary>
public enum Client
{
    Libtorrent,
    Aria2,
    Transmission,
}

internal static class Need
{
    /// <summary>Skips the test, with the reason, where the program is not installed.</summary>
    public static void Installed(Client client) => Installed(client switch
    {
        Client.Libtorrent => ForeignPrograms.WhyNoLibtorrent,
        Client.Aria2 => ForeignPrograms.WhyNoAria2,
        _ => ForeignPrograms.WhyNoTransmission,
    });

    public static void Installed(string? whyNot) => Assert.SkipWhen(whyNot is not null, whyNot ?? "");

    /// <summary>Transmission 3.00 moves some 8 MB/s on loopback after a dozen seconds; the others are given more.</summary>
    public static long PayloadLength(this Client client) =>
        (client == Client.Transmission ? 16L : 64L) * Payload.MiB;
}
