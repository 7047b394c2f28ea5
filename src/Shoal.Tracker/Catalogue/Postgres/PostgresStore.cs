using System.Data;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;
using Shoal.Protocol;

namespace Shoal.Tracker.Catalogue.Postgres;

/// <summary>
/// A catalogue's store in PostgreSQL, which several trackers may share. Not thread-safe, but for reading torrents.
/// </summary>
internal sealed class PostgresStore : ICatalogueStore
{
    private const int LoadingTimeoutSeconds = 300;
    private const int SliceLength = 8192;

    /// <summary>
    /// For how long nobody tries again where a connection could not be had, unless the database is seen to be back: who orders something meanwhile hears so
    /// at once.
    /// </summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly PostgresPlace _place;
    private readonly NpgsqlDataSource _source;
    private readonly PostgresListener _listener;
    private (long Since, string Why)? _away;
    private bool _isMigrated;

    public PostgresStore(PostgresPlace place, ILogger logger)
    {
        _place = place;
        _source = place.CreateDataSource(isPooled: true);
        _listener = new PostgresListener(_source, place, logger);
        Tokens = new PostgresTokens(place, () => _listener.TokenGeneration);
    }

    public bool IsShared => true;

    /// <summary>Who may publish there.</summary>
    public ITokenStore Tokens { get; }

    public long Load(Action<CatalogueChange> replay)
    {
        var hasBegun = false;
        return Try(connection =>
        {
            if (hasBegun)
            {
                throw new CatalogueException($"{_place} went away while the catalogue was read"); // what was handed over cannot be handed over again
            }

            return Load(connection, change =>
            {
                hasBegun = true;
                replay(change);
            });
        });
    }

    public void Watch(Action changed) => _listener.Start(changed);

    public IReadOnlyList<CatalogueChange> ReadAfter(long sequence)
    {
        var changes = Try(connection => ReadAfter(connection, sequence, SliceLength));
        _listener.Known = changes.Count > 0 ? changes[^1].Sequence : sequence;
        return changes;
    }

    public ICatalogueWriting Begin(long sequence) => Try(connection => PostgresWriting.Begin(_place, _listener, connection, sequence), isKept: true);

    public async Task<byte[]?> ReadTorrentAsync(InfoHash infoHash, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await _source.OpenConnectionAsync(cancellationToken);
                await using var command = new NpgsqlCommand("SELECT content FROM shoal.torrent WHERE info_hash = $1", connection)
                {
                    Parameters = { PostgresRows.Value(NpgsqlDbType.Bytea, infoHash.ToArray()) },
                };
                return (byte[]?)await command.ExecuteScalarAsync(cancellationToken);
            }
            catch (Exception error) when (PostgresPlace.IsFailure(error))
            {
                if (attempt > 1 || error is NpgsqlException { IsTransient: false })
                {
                    throw _place.Explain(error);
                }

                _source.Clear(); // the connection was of before a restart
            }
        }
    }

    public void Forget(HashSet<InfoHash> gone, CatalogueIndex index)
    {
        // In the transaction that took them out.
    }

    public void Tidy(CatalogueIndex index, long sequence)
    {
        // PostgreSQL does so by itself.
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _source.DisposeAsync();
    }

    /// <summary>The first changes after the given number.</summary>
    internal static List<CatalogueChange> ReadAfter(NpgsqlConnection connection, long sequence, int limit)
    {
        using var command = new NpgsqlCommand($"SELECT {PostgresRows.Columns} FROM shoal.change WHERE sequence > $1 ORDER BY sequence LIMIT $2", connection)
        {
            Parameters = { PostgresRows.Value(NpgsqlDbType.Bigint, sequence), PostgresRows.Value(NpgsqlDbType.Integer, limit) },
        };
        using var rows = command.ExecuteReader();
        var changes = new List<CatalogueChange>();
        while (rows.Read())
        {
            changes.Add(PostgresRows.Read(rows));
        }

        return changes;
    }

    private long Load(NpgsqlConnection connection, Action<CatalogueChange> replay)
    {
        if (!_isMigrated)
        {
            PostgresSchema.Migrate(connection, _place);
            _isMigrated = true;
        }

        // All of it as it was at one moment.
        using var transaction = connection.BeginTransaction(IsolationLevel.RepeatableRead);
        var (last, _) = PostgresListener.ReadHead(connection);
        using var command = new NpgsqlCommand($"SELECT {PostgresRows.Columns} FROM shoal.change WHERE counts ORDER BY sequence", connection) { CommandTimeout = LoadingTimeoutSeconds };
        using var rows = command.ExecuteReader();
        while (rows.Read())
        {
            replay(PostgresRows.Read(rows));
        }

        return _listener.Known = last;
    }

    // Nothing was changed yet when it fails here, so it may be tried again: a connection that was kept open may be of before a restart.
    private T Try<T>(Func<NpgsqlConnection, T> deed, bool isKept = false)
    {
        if (_away is { } away && Environment.TickCount64 - away.Since < Pause.TotalMilliseconds && _listener.BackAt < away.Since)
        {
            throw new CatalogueException(away.Why);
        }

        _away = null;
        for (var attempt = 1; ; attempt++)
        {
            NpgsqlConnection? connection = null;
            var isDone = false;
            try
            {
                connection = _source.OpenConnection();
                var result = deed(connection);
                isDone = true;
                return result;
            }
            catch (Exception error) when (PostgresPlace.IsFailure(error))
            {
                if (connection is null || attempt > 1 || connection.State == ConnectionState.Open)
                {
                    var explained = _place.Explain(error);
                    _away = connection is null ? (Environment.TickCount64, explained.Message) : null;
                    throw explained;
                }

                _source.Clear();
            }
            finally
            {
                if (!isDone || !isKept)
                {
                    connection?.Dispose();
                }
            }
        }
    }
}
