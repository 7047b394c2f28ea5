namespace Shoal.Engine;

/// <summary>What we call ourselves.</summary>
public static class Client
{
    /// <summary>Told to peers (BEP 10).</summary>
    public const string NameAndVersion = "Shoal " + Version;

    /// <summary>Told to HTTP trackers.</summary>
    public const string UserAgent = "Shoal/" + Version;

    private const string Version = "0.1.0";
}
