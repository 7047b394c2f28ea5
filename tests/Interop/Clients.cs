using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>The clients of Debian that the tests meet.</summary>
public enum Client
{
    Libtorrent,
    Aria2,
    Transmission,
}

/// <summary>What the receiving side is given.</summary>
public enum By
{
    Torrent,
    Magnet,
}

/// <summary>How the two sides find each other.</summary>
public enum Way
{
    /// <summary>An address given by hand, or <c>x.pe</c> in the magnet link.</summary>
    Direct,
    OurHttp,
    OurUdp,
    OpentrackerHttp,
    OpentrackerUdp,
}

/// <summary>A running tracker: its port, for scraping by HTTP, and the announce URL that peers are given.</summary>
internal sealed record TrackerAt(int Port, string Url);

internal static class Need
{
    /// <summary>Skips the test, with the reason, where the program is not installed.</summary>
    public static void Installed(Client client) => Installed(client switch
    {
        Client.Libtorrent => ForeignPrograms.WhyNoLibtorrent,
        Client.Aria2 => ForeignPrograms.WhyNoAria2,
        _ => ForeignPrograms.WhyNoTransmission,
    });

    public static void Installed(Way way)
    {
        if (way is Way.OpentrackerHttp or Way.OpentrackerUdp)
        {
            Installed(ForeignPrograms.WhyNoOpentracker);
        }
    }

    /// <summary>Skips the test, with the reason, where no network of its own can be made.</summary>
    public static void PrivateNetwork() => Installed(Foreign.PrivateNetwork.WhyNot);

    /// <summary>Skips the test, with the reason, where no hosts on one wire can be made.</summary>
    public static void Lan() => Installed(Shoal.Lan.WhyNot);

    public static void Installed(string? whyNot) => Assert.SkipWhen(whyNot is not null, whyNot ?? "");

    /// <summary>Transmission 3.00 moves some 8 MB/s on loopback after a dozen seconds; the others are given more.</summary>
    public static long PayloadLength(this Client client) =>
        (client == Client.Transmission ? 16L : 64L) * Payload.MiB;
}
