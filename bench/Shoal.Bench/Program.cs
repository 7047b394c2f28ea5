using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shoal.Bench;
using Shoal.Bench.Tracker;
using Shoal.Interop.Foreign;

if (args is ["--help" or "-h", ..])
{
    Console.WriteLine(Options.Usage);
    return 0;
}

if (Options.Parse(args) is not { } options)
{
    return 2;
}

var reports = new List<Report>();
try
{
    foreach (var (name, run) in new (string, Func<Options, Task<Report>>)[]
    {
        ("transfer", TransferBench.RunAsync), ("fanout", FanoutBench.RunAsync), ("hash", HashBench.RunAsync),
        ("idle", IdleBench.RunAsync), ("engine", EngineBench.RunAsync), ("simulation", SimulationBench.RunAsync), ("mpi", MpiBench.RunAsync),
        ("cluster", ClusterBench.RunAsync), ("jobs", JobsBench.RunAsync),
        ("tracker", TrackerBench.RunAsync), ("tracker", TrackerMemoryBench.RunAsync),
        ("catalogue", CatalogueBench.RunAsync),
    })
    {
        if (options.Wants(name))
        {
            Console.Error.WriteLine(name);
            reports.Add(await run(options));
        }
    }
}
finally
{
    // One report in one look, also of what was done before something failed; each round was told on the way, on stderr.
    reports.RemoveAll(static report => report.IsEmpty);
    reports.ForEach(static report => Console.WriteLine(report.ToText()));
}

var folder = Path.Combine(ShoalProcess.Root, "artifacts", "bench");
Directory.CreateDirectory(folder);
var now = DateTimeOffset.Now;
var file = Path.Combine(folder, $"{now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}.json");
var json = new JsonObject
{
    ["at"] = now.ToString("O", CultureInfo.InvariantCulture),
    ["processors"] = Environment.ProcessorCount,
    ["folder"] = options.Folder,
    ["tables"] = new JsonArray([.. reports.Select(static report => report.ToJson())]),
};
await File.WriteAllTextAsync(file, json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
Console.WriteLine($"written to {Path.GetRelativePath(Environment.CurrentDirectory, file)}");
return 0;
