using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>Which versions are the same torrent: nearly always there is one, but it may be a million. Not thread-safe.</summary>
internal sealed class TorrentNames
{
    /// <summary>The most names of a torrent that are told: they are looked at with each announce of it.</summary>
    public const int MaximumNameCount = 1000;

    // A version, or a dictionary of some by their numbers: a million small ones would take as much memory as all the rest.
    private readonly Dictionary<InfoHash, object> _versions = [];

    /// <summary>Whether there is a version of that torrent.</summary>
    public bool Contains(InfoHash infoHash) => _versions.ContainsKey(infoHash);

    /// <summary>Names that have a version of that torrent.</summary>
    public string[] NamesOf(InfoHash infoHash) => _versions.GetValueOrDefault(infoHash) switch
    {
        CatalogueEntry one => [one.Name],
        Dictionary<long, CatalogueEntry> some => [.. some.Values.Select(entry => entry.Name).Distinct(StringComparer.Ordinal).Take(MaximumNameCount)],
        _ => [],
    };

    public void Add(CatalogueEntry version)
    {
        switch (_versions.GetValueOrDefault(version.InfoHash))
        {
            case Dictionary<long, CatalogueEntry> some:
                some.Add(version.Sequence, version);
                break;
            case CatalogueEntry one:
                _versions[version.InfoHash] = new Dictionary<long, CatalogueEntry> { [one.Sequence] = one, [version.Sequence] = version };
                break;
            default:
                _versions.Add(version.InfoHash, version);
                break;
        }
    }

    public void Remove(CatalogueEntry version)
    {
        if (_versions.GetValueOrDefault(version.InfoHash) is Dictionary<long, CatalogueEntry> some)
        {
            some.Remove(version.Sequence);
            if (some.Count > 1)
            {
                return;
            }

            _versions[version.InfoHash] = some.Values.Single();
            return;
        }

        _versions.Remove(version.InfoHash);
    }
}
