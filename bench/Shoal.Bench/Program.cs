using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shoal.Bench;
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
foreach (var (name, run) in new (string, Func<Options, Task<Report>>)[]
{
    ("transfer", TransferBench.RunAsync), ("fanout", FanoutBench.RunAsync), ("hash", HashBench.RunAsync),
    ("idle", IdleBench.RunAsync),
})
{
    if (options.Wants(name))
    {
        Console.Error.WriteLine(name);
        var report = await run(options);
        Console.WriteLine(report.ToText());
        reports.Add(report);
    }
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
