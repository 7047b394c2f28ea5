using Microsoft.Extensions.Logging;
using Npgsql;

namespace Shoal.Tracker.Catalogue.Postgres;

/// <summary>
/// Hears, on a connection of its own, that another tracker changed something: at once by NOTIFY, and by a look every second, since a notice is lost
/// with the connection. Connects again by itself. Thread-safe.
/// </summary>
internal sealed class PostgresListener(NpgsqlDataSource source, PostgresPlace place, ILogger logger) : IAsyncDisposable
{
    /// <summary>What notices are sent on.</summary>
    public const string Channel = "shoal_catalogue";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private Task _listening = Task.CompletedTask;
    private long _known;
    private long _tokenGeneration;
    private long _backAt;

    /// <summary>The last change that the core was given: there is something to tell if there are more.</summary>
    public long Known
    {
        get => Volatile.Read(ref _known);
        set => Volatile.Write(ref _known, value);
    }

    /// <summary>Counts the changes of tokens; 0 before it was first read.</summary>
    public long TokenGeneration => Volatile.Read(ref _tokenGeneration);

    /// <summary>When the database was last seen to be there again, as <see cref="Environment.TickCount64"/> counts; 0 if it never was away.</summary>
    public long BackAt => Volatile.Read(ref _backAt);

    /// <summary>Begins to listen.</summary>
    public void Start(Action changed) => _listening = Task.Run(() => ListenAsync(changed));

    /// <summary>How far the changes are numbered, and how often tokens were changed.</summary>
    public static (long LastSequence, long TokenGeneration) ReadHead(NpgsqlConnection connection)
    {
        using var command = HeadCommand(connection);
        using var row = command.ExecuteReader();
        return row.Read() ? (row.GetInt64(0), row.GetInt64(1)) : throw new CatalogueException("the table shoal.head has no row");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _listening;
    }

    private static NpgsqlCommand HeadCommand(NpgsqlConnection connection) => new("SELECT last_sequence, token_generation FROM shoal.head", connection);

    private async Task ListenAsync(Action changed)
    {
        var pause = FirstPause;
        var isAway = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(_stop.Token);
                await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection))
                {
                    await listen.ExecuteNonQueryAsync(_stop.Token);
                }

                // A notice may come in with the answer to a look, which did not see yet what it is about.
                var isTold = false;
                connection.Notification += (_, _) => isTold = true;
                while (true)
                {
                    isTold = false;
                    await LookAsync(connection, changed);
                    if (isAway)
                    {
                        Log.DatabaseBack(logger, place.ToString());
                        Volatile.Write(ref _backAt, Environment.TickCount64);
                        changed();
                    }

                    (isAway, pause) = (false, FirstPause);
                    if (!isTold)
                    {
                        await connection.WaitAsync(Interval, _stop.Token);
                    }
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (PostgresPlace.IsFailure(error))
            {
                if (!isAway)
                {
                    Log.DatabaseAway(logger, place.Explain(error).Message);
                }

                isAway = true;
                source.Clear();
            }

            await Task.Delay(pause, _stop.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
            pause = pause * 2 > LongestPause ? LongestPause : pause * 2;
        }
    }

    private async Task LookAsync(NpgsqlConnection connection, Action changed)
    {
        await using var command = HeadCommand(connection);
        await using var row = await command.ExecuteReaderAsync(_stop.Token);
        if (!await row.ReadAsync(_stop.Token))
        {
            return;
        }

        Volatile.Write(ref _tokenGeneration, row.GetInt64(1) + 1);
        if (row.GetInt64(0) > Known)
        {
            changed();
        }
    }
}
