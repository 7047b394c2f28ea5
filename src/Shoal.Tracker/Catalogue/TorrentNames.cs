using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>Which versions are the same torrent: nearly always there is one, but it may be a million. Not thread-safe.</summary>
internal sealed class TorrentNames
{
    // A version, or some by their numbers: a million small trees would take as much memory as all the rest.
    private readonly Dictionary<InfoHash, object> _versions = [];

    /// <summary>Whether there is a version of that torrent.</summary>
    public bool Contains(InfoHash infoHash) => _versions.ContainsKey(infoHash);

    /// <summary>The name under which it came first, of those that there are; null if it has none.</summary>
    public string? FirstNameOf(InfoHash infoHash) => _versions.GetValueOrDefault(infoHash) switch
    {
        CatalogueEntry one => one.Name,
        SortedDictionary<long, CatalogueEntry> some => some.First().Value.Name,
        _ => null,
    };

    public void Add(CatalogueEntry version)
    {
        switch (_versions.GetValueOrDefault(version.InfoHash))
        {
            case SortedDictionary<long, CatalogueEntry> some:
                some.Add(version.Sequence, version);
                break;
            case CatalogueEntry one:
                _versions[version.InfoHash] = new SortedDictionary<long, CatalogueEntry> { [one.Sequence] = one, [version.Sequence] = version };
                break;
            default:
                _versions.Add(version.InfoHash, version);
                break;
        }
    }

    public void Remove(CatalogueEntry version)
    {
        if (_versions.GetValueOrDefault(version.InfoHash) is SortedDictionary<long, CatalogueEntry> some)
        {
            some.Remove(version.Sequence);
            if (some.Count > 1)
            {
                return;
            }

            _versions[version.InfoHash] = some.First().Value;
            return;
        }

        _versions.Remove(version.InfoHash);
    }
}
