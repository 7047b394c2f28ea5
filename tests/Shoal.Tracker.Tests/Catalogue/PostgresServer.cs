using Shoal.Interop.Foreign;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>A database of its own for one test.</summary>
public sealed class PostgresDatabase
{
    private readonly PostgresProcess _process;
    private readonly string _name;

    internal PostgresDatabase(PostgresProcess process, string name) => (_process, _name) = (process, name);

    public string ConnectionString => _process.ConnectionString(_name);

    public CatalogueOptions Options => new() { Database = ConnectionString };

    public CatalogueTokens Tokens => CatalogueTokens.Of(Options);

    public Task<string[]> SqlAsync(string sql) => _process.SqlAsync(_name, sql);
}

/// <summary>Debian's PostgreSQL, started with the first test that wants it; the tests of a class share it.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private PostgresProcess? _process;
    private int _count;

    /// <summary>A new database; where there is no PostgreSQL, the test is skipped, and says why.</summary>
    public async Task<PostgresDatabase> NewDatabaseAsync()
    {
        Assert.SkipWhen(PostgresProcess.WhyNot is not null, PostgresProcess.WhyNot ?? "");
        await _gate.WaitAsync();
        try
        {
            _process ??= await PostgresProcess.StartAsync(CancellationToken.None);
            var name = $"test{++_count}";
            await _process.SqlAsync("postgres", $"CREATE DATABASE {name}");
            return new PostgresDatabase(_process, name);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Stops the server and lets something be seen, then starts it again.</summary>
    public async Task WhileAwayAsync(Func<Task> look, bool atOnce = false)
    {
        await _process!.StopAsync(atOnce);
        await look();
        await _process.StartAgainAsync(CancellationToken.None);
    }

    public Task StopAsync() => _process!.StopAsync();

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _gate.Dispose();
    }
}
