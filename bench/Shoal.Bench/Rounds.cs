namespace Shoal.Bench;

/// <summary>Rows that take turns, so that what else goes on on the machine meets all of them.</summary>
internal static class Rounds
{
    /// <summary>Runs all rows in each round, and tells each run on stderr; the results by row.</summary>
    public static async Task<List<List<TResult>>> RunAsync<TRow, TResult>(
        int count, List<TRow> rows, Func<TRow, string> name, Func<TRow, Task<TResult>> run, Func<TResult, double> seconds)
    {
        var results = rows.ConvertAll(_ => new List<TResult>());
        for (var round = 0; round < count; round++)
        {
            for (var index = 0; index < rows.Count; index++)
            {
                var result = await run(rows[index]);
                Console.Error.WriteLine($"  {name(rows[index])}: {seconds(result):F2} s");
                results[index].Add(result);
            }
        }

        return results;
    }
}
