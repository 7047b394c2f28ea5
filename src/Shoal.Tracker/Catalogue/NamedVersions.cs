using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>A name and the versions that there are of it, oldest first; none if all were removed, for their numbers are not given again. Immutable.</summary>
internal readonly struct NamedVersions
{
    // Nearly all names have one version and never had another: that version, then, stands for it, and a million names take two objects less each.
    private readonly object _what;

    public NamedVersions(string name, int lastVersion, CatalogueEntry[] versions, CatalogueRemoval? lastRemoval = null) =>
        _what = versions is [var only] && only.Version == lastVersion && lastRemoval is null ? only : new History(name, lastVersion, versions, lastRemoval);

    public string Name => _what is CatalogueEntry only ? only.Name : ((History)_what).Name;

    /// <summary>The highest number that a version of it ever had.</summary>
    public int LastVersion => _what is CatalogueEntry only ? only.Version : ((History)_what).LastVersion;

    /// <summary>What there is, oldest first.</summary>
    public CatalogueEntry[] Versions => _what is CatalogueEntry only ? [only] : ((History)_what).Versions;

    /// <summary>What was taken out of it last; null if nothing ever was.</summary>
    public CatalogueRemoval? LastRemoval => (_what as History)?.LastRemoval;

    /// <summary>The newest version; null if all were removed.</summary>
    public CatalogueEntry? Latest => _what as CatalogueEntry ?? (((History)_what).Versions is [.., var latest] ? latest : null);

    private sealed record History(string Name, int LastVersion, CatalogueEntry[] Versions, CatalogueRemoval? LastRemoval);
}
