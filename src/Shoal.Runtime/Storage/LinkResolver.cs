namespace Shoal.Runtime.Storage;

/// <summary>
/// Finds out where a path leads when its symbolic links are followed. Links may change at any time, so the answer is only
/// ever used as a path that is then opened without following links.
/// </summary>
internal static class LinkResolver
{
    private const int MaximumLinks = 40;

    /// <summary>
    /// The path below the root, components joined by '/', to which <paramref name="relative"/> leads, without links; null
    /// if it leads out of the root. A path that is not there is returned as far as it can be followed.
    /// </summary>
    public static string? ResolveInside(string root, string relative)
    {
        if (!HasLink(root, relative))
        {
            return relative;
        }

        var realRoot = Resolve(root);
        var real = Resolve(Path.Combine(realRoot, relative));
        var prefix = Path.EndsInDirectorySeparator(realRoot) ? realRoot : realRoot + Path.DirectorySeparatorChar;
        return real.StartsWith(prefix, StringComparison.Ordinal)
            ? real[prefix.Length..].Replace(Path.DirectorySeparatorChar, '/')
            : null;
    }

    /// <summary>An absolute path with every link in it followed, like realpath(3), but the path need not exist.</summary>
    public static string Resolve(string path)
    {
        var pending = new Stack<string>();
        var start = Path.GetPathRoot(path)!;
        Push(pending, path[start.Length..]);
        var resolved = start;
        var links = 0;
        while (pending.TryPop(out var name))
        {
            if (name is "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? resolved;
                continue;
            }

            var next = Path.Combine(resolved, name);
            if (TargetOf(next) is not { } target)
            {
                resolved = next;
                continue;
            }

            if (++links > MaximumLinks)
            {
                throw new StorageException(StorageErrorKind.UnsafePath, $"cannot open '{path}': too many symbolic links");
            }

            if (Path.IsPathRooted(target))
            {
                resolved = Path.GetPathRoot(target)!;
                target = target[resolved.Length..];
            }

            Push(pending, target);
        }

        return resolved;
    }

    private static void Push(Stack<string> pending, string path)
    {
        var names = path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
        for (var i = names.Length - 1; i >= 0; i--)
        {
            if (names[i] is not ".")
            {
                pending.Push(names[i]);
            }
        }
    }

    private static bool HasLink(string root, string relative)
    {
        for (var slash = relative.IndexOf('/'); slash >= 0; slash = relative.IndexOf('/', slash + 1))
        {
            if (TargetOf(Path.Combine(root, relative[..slash])) is not null)
            {
                return true;
            }
        }

        return TargetOf(Path.Combine(root, relative)) is not null;
    }

    private static string? TargetOf(string path)
    {
        if (Posix.IsAvailable && (!Posix.TryStatPath(path, out var status) || !status.IsLink))
        {
            return null;
        }

        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception error) when (StorageException.IsFromDisk(error))
        {
            return null;
        }
    }
}
