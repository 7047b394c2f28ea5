using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>Which versions are the same torrent: nearly always there is one. Not thread-safe.</summary>
internal sealed class TorrentNames
{
    // A version, or an array of some: a million small lists would take as much memory as all the rest.
    private readonly Dictionary<InfoHash, object> _versions = [];

    /// <summary>Whether there is a version of that torrent.</summary>
    public bool Contains(InfoHash infoHash) => _versions.ContainsKey(infoHash);

    /// <summary>The names that have a version of that torrent.</summary>
    public string[] NamesOf(InfoHash infoHash) => _versions.GetValueOrDefault(infoHash) switch
    {
        CatalogueEntry one => [one.Name],
        CatalogueEntry[] some => [.. some.Select(entry => entry.Name).Distinct(StringComparer.Ordinal)],
        _ => [],
    };

    public void Add(CatalogueEntry version) => _versions[version.InfoHash] = _versions.GetValueOrDefault(version.InfoHash) switch
    {
        CatalogueEntry one => new[] { one, version },
        CatalogueEntry[] some => (CatalogueEntry[])[.. some, version],
        _ => version,
    };

    public void Remove(CatalogueEntry version)
    {
        switch (_versions.GetValueOrDefault(version.InfoHash))
        {
            case CatalogueEntry[] some when Array.FindAll(some, entry => entry.Sequence != version.Sequence) is { Length: > 0 } rest:
                _versions[version.InfoHash] = rest is [var last] ? last : rest;
                break;
            default:
                _versions.Remove(version.InfoHash);
                break;
        }
    }
}
