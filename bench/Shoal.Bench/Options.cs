namespace Shoal.Bench;

/// <summary>What was asked for on the command line.</summary>
internal sealed record Options
{
    public const string MemoryFolder = "/dev/shm";

    public const string Usage = """
        usage: bench/run [transfer] [fanout] [hash] [idle] [engine] [simulation] [mpi] [cluster] [jobs] [tracker] [catalogue] [options]
                         (default: all, in this order)
          --quick        256 MiB, a thousand links, and one round
          --rounds N     default 5
          --only NAMES   rows to run, by commas: bare, shoal, shoal-mse, shoal-secret, libtorrent-fast, libtorrent, libtorrent-mse, aria2,
                         transmission, mktorrent;
                         of mpi and cluster: bcast, copy, openmpi, mpich; of jobs: openmpi, mpich;
                         of tracker: connect, udp, udp50, udp200, http, http-close, memory, idle
          --disk DIR     put the files there instead of on tmpfs
        examples: bench/run transfer --quick --only bare,shoal
                  bench/run tracker --only udp,http
        """;

    public IReadOnlyList<string> Benches { get; init; } = [];

    public bool Quick { get; init; }

    public int Rounds { get; init; } = 5;

    public IReadOnlyList<string> Only { get; init; } = [];

    public string Folder { get; init; } = MemoryFolder;

    public long TransferLength => Quick ? 256L << 20 : 2L << 30;

    public long FanoutLength => Quick ? 64L << 20 : 512L << 20;

    public long HashLength => Quick ? 256L << 20 : 4L << 30;

    public int IdleConnections => Quick ? 1000 : 10_000;

    public int IdleHttpConnections => Quick ? 2000 : 10_000;

    public TimeSpan TrackerLoadTime => TimeSpan.FromSeconds(Quick ? 1 : 2);

    public bool Wants(string bench) => Benches.Count == 0 || Benches.Contains(bench, StringComparer.Ordinal);

    public bool WantsRow(string key) => Only.Count == 0 || Only.Contains(key, StringComparer.Ordinal);

    /// <summary>The contenders that were asked for and can run; the others' reasons go to the report.</summary>
    public List<Contender> Choose(IEnumerable<Contender> all, Report report)
    {
        var chosen = new List<Contender>();
        foreach (var contender in all.Where(one => WantsRow(one.Key)))
        {
            if (contender.WhyNot is { } reason)
            {
                report.Add(contender.Name, reason);
            }
            else
            {
                chosen.Add(contender);
            }
        }

        return chosen;
    }

    /// <summary>Null, after a line on stderr, when the arguments make no sense.</summary>
    public static Options? Parse(string[] arguments)
    {
        var options = new Options();
        var benches = new List<string>();
        for (var index = 0; index < arguments.Length; index++)
        {
            switch (arguments[index])
            {
                case "--quick":
                    options = options with { Quick = true, Rounds = 1 };
                    break;
                case "--rounds" when index + 1 < arguments.Length && int.TryParse(arguments[index + 1], out var rounds) && rounds > 0:
                    options = options with { Rounds = rounds };
                    index++;
                    break;
                case "--only" when index + 1 < arguments.Length:
                    options = options with { Only = arguments[++index].Split(',') };
                    break;
                case "--disk" when index + 1 < arguments.Length && Directory.Exists(arguments[index + 1]):
                    options = options with { Folder = Path.GetFullPath(arguments[++index]) };
                    break;
                case "transfer" or "fanout" or "hash" or "idle" or "engine" or "simulation" or "mpi" or "cluster" or "jobs" or "tracker" or "catalogue":
                    benches.Add(arguments[index]);
                    break;
                default:
                    Console.Error.WriteLine($"bench/run: cannot make sense of \"{arguments[index]}\"\n{Usage}");
                    return null;
            }
        }

        return options with { Benches = benches };
    }
}
