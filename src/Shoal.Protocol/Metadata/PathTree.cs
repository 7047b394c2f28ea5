namespace Shoal.Protocol.Metadata;

/// <summary>
/// The files of a torrent as a tree, to find two that would be one on disk: a path twice, or a file that is also a
/// folder. Takes memory in proportion to the names it was given, however deep they nest.
/// </summary>
internal sealed class PathTree(PathRules rules)
{
    private readonly Dictionary<(int Parent, string Name), Node> _nodes = [];
    private int _folders;

    private readonly record struct Node(int Folder, bool IsFile);

    /// <summary>Adds a file whose components are safe each; null, or what is wrong in one line.</summary>
    public string? Add(IReadOnlyList<string> components)
    {
        var folder = 0;
        for (var i = 0; i < components.Count - 1; i++)
        {
            var key = KeyOf(folder, components[i]);
            if (!_nodes.TryGetValue(key, out var node))
            {
                node = new Node(++_folders, IsFile: false);
                _nodes.Add(key, node);
            }

            if (node.IsFile)
            {
                return $"'{Show(components, i + 1)}' is both a file and a folder";
            }

            folder = node.Folder;
        }

        var last = KeyOf(folder, components[^1]);
        if (_nodes.TryAdd(last, new Node(-1, IsFile: true)))
        {
            return null;
        }

        var path = Show(components, components.Count);
        return _nodes[last].IsFile
            ? $"two files are called '{path}'{(rules.HasFlag(PathRules.IgnoreCase) ? " (case does not count here)" : "")}"
            : $"'{path}' is both a file and a folder";
    }

    private (int, string) KeyOf(int parent, string name) =>
        (parent, rules.HasFlag(PathRules.IgnoreCase) ? name.ToUpperInvariant() : name);

    private static string Show(IReadOnlyList<string> components, int count) =>
        SafePath.ForDisplay(string.Join('/', components.Take(count)));
}
