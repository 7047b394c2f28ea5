using Shoal.Protocol.Catalogue;

namespace Shoal.Catalogue;

/// <summary>
/// Whether what a catalogue says can be: JSON only tells that it has the form. One clause tells what is wrong, and quotes no more than a name that is one;
/// null if nothing is.
/// </summary>
internal static class CatalogueAnswers
{
    public static string? WhatIsWrongWith(CataloguePage page) => page.Entries is null ? "there is no list of names" : WhatIsWrongWith(page.Entries);

    public static string? WhatIsWrongWith(IReadOnlyList<CatalogueEntry> entries) => entries.Select(WhatIsWrongWith).FirstOrDefault(wrong => wrong is not null);

    public static string? WhatIsWrongWith(CatalogueEntry? entry) => entry switch
    {
        null => "an entry is missing",
        { Name: null } => "an entry has no name",
        _ when WhatIsWrongWith(entry.Name) is { } wrong => wrong,
        { Version: <= 0 } => $"'{entry.Name}' has the version {entry.Version}",
        { Size: < 0 } => $"'{entry.Name}@{entry.Version}' has {entry.Size} bytes",
        { FileCount: < 0 } => $"'{entry.Name}@{entry.Version}' has {entry.FileCount} files",
        { Seeders: < 0 } => $"'{entry.Name}@{entry.Version}' has {entry.Seeders} seeders",
        { Leechers: < 0 } => $"'{entry.Name}@{entry.Version}' has {entry.Leechers} leechers",
        _ => null,
    };

    public static string? WhatIsWrongWith(CatalogueRemoval removal) => removal switch
    {
        { Name: null } => "what was removed has no name",
        { Version: <= 0 } => WhatIsWrongWith(removal.Name) ?? $"'{removal.Name}' has the version {removal.Version}",
        _ => WhatIsWrongWith(removal.Name),
    };

    private static string? WhatIsWrongWith(string name) => CatalogueName.TryParse(name, out _, out var error) ? null : $"a name that is none: {error}";
}
