namespace Shoal.Engine;

/// <summary>What we call ourselves.</summary>
public static class Client
{
    /// <summary>Told to peers (BEP 10) and, as user agent, to trackers.</summary>
    public const string NameAndVersion = "Shoal 0.1.0";
}
