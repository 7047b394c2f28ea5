using System.Text;

namespace Shoal.Mpi.Tests;

/// <summary>One job in a folder of its own: what each rank owns and wants, and what must come out.</summary>
internal sealed class Job : IDisposable
{
    private readonly SortedDictionary<int, (List<(string Name, string[] Hashes)> Owned, List<string> Wanted)> _ranks = [];
    private readonly Dictionary<string, string[]> _files = new(StringComparer.Ordinal);

    public string Folder { get; } = Directory.CreateTempSubdirectory("shoal-job-").FullName;

    /// <summary>The highest rank that has an input.</summary>
    public int LastRank => _ranks.Count == 0 ? 0 : _ranks.Keys.Max();

    /// <summary>A rank with an input that owns and wants nothing yet.</summary>
    public Job Peer(int rank)
    {
        _ = Of(rank);
        return this;
    }

    /// <summary>The rank owns a file with so many segments, whose hashes follow from the name.</summary>
    public Job Owns(int rank, string name, int segments) =>
        Owns(rank, name, [.. Enumerable.Range(0, segments).Select(i => $"{name}-{i:x4}")]);

    public Job Owns(int rank, string name, params string[] hashes)
    {
        Of(rank).Owned.Add((name, hashes));
        _files[name] = hashes;
        return this;
    }

    public Job Wants(int rank, params string[] names)
    {
        Of(rank).Wanted.AddRange(names);
        return this;
    }

    /// <summary>Runs it on as many ranks as it has, and one for the tracker.</summary>
    public Task<MpiResult> RunAsync(string mpi, params string[] options)
    {
        WriteInputs();
        return RunAsItIsAsync(mpi, LastRank + 1, options);
    }

    public void WriteInputs()
    {
        foreach (var (rank, (owned, wanted)) in _ranks)
        {
            var text = new StringBuilder($"{owned.Count}\n");
            foreach (var (name, hashes) in owned)
            {
                text.Append(name).Append(' ').Append(hashes.Length).Append('\n').AppendJoin("", hashes.Select(hash => hash + "\n"));
            }

            text.Append(wanted.Count).Append('\n').AppendJoin("", wanted.Select(name => name + "\n"));
            File.WriteAllText(InputOf(rank), text.ToString());
        }
    }

    /// <summary>Runs it with whatever inputs lie there.</summary>
    public Task<MpiResult> RunAsItIsAsync(string mpi, int ranks, params string[] options) =>
        Launcher.RunAsync(mpi, ranks, ["mpi", "run", Folder, .. options]);

    public string InputOf(int rank) => Path.Combine(Folder, $"in{rank}.txt");

    /// <summary>What should have come out, and is not there or different; empty if all is well.</summary>
    public IReadOnlyList<string> WhatIsWrong(string? folder = null, params string[] missing)
    {
        var problems = new List<string>();
        var expected = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (rank, (_, wanted)) in _ranks)
        {
            foreach (var name in wanted.Except(missing, StringComparer.Ordinal))
            {
                var path = Path.Combine(folder ?? Folder, $"client{rank}_{name}");
                expected.Add(path);
                if (!File.Exists(path))
                {
                    problems.Add($"{path} is missing");
                }
                else if (File.ReadAllText(path) != string.Concat(_files[name].Select(hash => hash + "\n")))
                {
                    problems.Add($"{path} is wrong");
                }
            }
        }

        problems.AddRange(Directory.GetFiles(folder ?? Folder, "client*").Where(path => !expected.Contains(path)).Select(path => $"{path} is too much"));
        return problems;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private (List<(string Name, string[] Hashes)> Owned, List<string> Wanted) Of(int rank)
    {
        if (!_ranks.TryGetValue(rank, out var found))
        {
            _ranks.Add(rank, found = ([], []));
        }

        return found;
    }
}
