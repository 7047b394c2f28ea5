using Shoal.Tracker.Catalogue.Postgres;

namespace Shoal.Tracker.Catalogue;

/// <summary>How a tracker keeps a catalogue: in a folder or in a database. Immutable.</summary>
public sealed record CatalogueOptions
{
    /// <summary>The folder that it is kept in; made if it is not there.</summary>
    public string Folder { get; init; } = "";

    /// <summary>The connection string of a PostgreSQL database (Npgsql's: <c>Host=…;Database=…</c>), which other trackers may share, in place of a folder.</summary>
    public string? Database { get; init; }

    /// <summary>Whether everybody may publish and remove without a token. Default: only who is on this machine.</summary>
    public bool IsOpen { get; init; }

    /// <summary>Whether a token is needed to list and get, too, except on this machine. Default: no.</summary>
    public bool IsPrivate { get; init; }

    /// <summary>
    /// Whether only holders of tokens may announce what it names, with the passkey of theirs in the announce URL; except from this machine. Default: no.
    /// </summary>
    public bool IsMembersOnly { get; init; }

    /// <summary>
    /// The most subscribers at a time, and a tenth of them from one address, or IPv6 /64, that is not this machine's. Default 10,000; others are asked to come
    /// again later.
    /// </summary>
    public int MaximumSubscriberCount { get; init; } = 10_000;

    /// <summary>The largest .torrent that is taken in, in bytes. Default 32 MiB: some 6 TiB in pieces of 4 MiB.</summary>
    public int MaximumTorrentLength { get; init; } = 32 << 20;

    /// <summary>Those of a place as a user names it: a connection string begins with a setting and '=' (<c>Host=</c>), all else is a folder.</summary>
    /// <exception cref="CatalogueException">It is a connection string that cannot be read, or seems to be, or a URL. The message has nothing of it that may be a password.</exception>
    public static CatalogueOptions At(string place)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (place.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase) || place.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase))
        {
            throw new CatalogueException("a catalogue in PostgreSQL is named by settings, not by a URL: 'Host=…;Database=…'");
        }

        if (!PostgresPlace.IsMeant(place))
        {
            return !PostgresPlace.IsPerhapsMeant(place) ? new CatalogueOptions { Folder = place } : throw new CatalogueException(
                "--catalogue looks like a connection string with a setting that is not known, at its beginning; a folder of such a name is meant by ./ before it");
        }

        _ = PostgresPlace.Parse(place);
        return new CatalogueOptions { Database = place };
    }
}
