using System.Data;
using Npgsql;
using NpgsqlTypes;
using Shoal.Protocol;

namespace Shoal.Tracker.Catalogue.Postgres;

/// <summary>
/// One transaction that holds the lock on <c>shoal.head</c>: whoever holds it knows all changes there are, and numbers the next ones. A tracker that
/// falls silent in it is thrown out by the server. Not thread-safe.
/// </summary>
internal sealed class PostgresWriting : ICatalogueWriting
{
    /// <summary>Changes that count no more are kept for so many others, so that a tracker that is not far behind hears of each.</summary>
    public const int KeptCount = 8192;

    private const int WritingTimeoutSeconds = 60;

    private readonly PostgresPlace _place;
    private readonly PostgresListener _listener;
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;
    private readonly Dictionary<InfoHash, ReadOnlyMemory<byte>> _torrents = [];

    private PostgresWriting(
        PostgresPlace place, PostgresListener listener, NpgsqlConnection connection, NpgsqlTransaction transaction, IReadOnlyList<CatalogueChange>? news)
    {
        _place = place;
        _listener = listener;
        _connection = connection;
        _transaction = transaction;
        News = news;
    }

    public IReadOnlyList<CatalogueChange>? News { get; }

    /// <summary>Takes the lock. What is returned owns the connection.</summary>
    public static PostgresWriting Begin(PostgresPlace place, PostgresListener listener, NpgsqlConnection connection, long sequence)
    {
        var transaction = connection.BeginTransaction(IsolationLevel.ReadCommitted);
        long last;
        using (var batch = new NpgsqlBatch(connection))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand("SET LOCAL lock_timeout = '8s'"));
            batch.BatchCommands.Add(new NpgsqlBatchCommand("SET LOCAL idle_in_transaction_session_timeout = '15s'"));
            batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT last_sequence FROM shoal.head FOR UPDATE"));
            last = batch.ExecuteScalar() as long? ?? throw new CatalogueException($"in {place} the table shoal.head has no row");
        }

        if (last < sequence)
        {
            throw new CatalogueException(
                $"the catalogue in {place} ends with change {last}, and this tracker has seen {sequence}: if it was put back from a backup, restart the tracker");
        }

        var news = last == sequence ? [] : last - sequence > KeptCount ? null : PostgresStore.ReadAfter(connection, sequence, KeptCount);
        return new PostgresWriting(place, listener, connection, transaction, news?.Count == last - sequence ? news : null);
    }

    public void Put(InfoHash infoHash, ReadOnlyMemory<byte> torrent) => _torrents[infoHash] = torrent;

    public void Commit(IReadOnlyList<CatalogueChange> changes, IReadOnlySet<InfoHash> gone)
    {
        if (changes.Count == 0)
        {
            return; // a .torrent is not lost here as long as something names it
        }

        try
        {
            using var batch = new NpgsqlBatch(_connection) { Timeout = WritingTimeoutSeconds };
            AddAll(batch.BatchCommands, changes, gone);
            batch.ExecuteNonQuery();
        }
        catch (Exception error) when (PostgresPlace.IsFailure(error))
        {
            throw _place.Explain(error);
        }

        try
        {
            _transaction.Commit();
            _listener.Known = changes[^1].Sequence;
        }
        catch (PostgresException error) when (error.Severity == "ERROR")
        {
            throw _place.Explain(error);
        }
        catch (Exception error) when (PostgresPlace.IsFailure(error))
        {
            throw new OutcomeUnknownException(_place.Explain(error).Message, error);
        }
    }

    public void Dispose()
    {
        try
        {
            _transaction.Dispose();
            _connection.Dispose();
        }
        catch (Exception error) when (PostgresPlace.IsFailure(error))
        {
            // The connection broke, and the transaction with it.
        }
    }

    private void AddAll(NpgsqlBatchCommandCollection commands, IReadOnlyList<CatalogueChange> changes, IReadOnlySet<InfoHash> gone)
    {
        foreach (var (infoHash, torrent) in _torrents)
        {
            Add(
                commands, "INSERT INTO shoal.torrent (info_hash, content) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                PostgresRows.Value(NpgsqlDbType.Bytea, infoHash.ToArray()), PostgresRows.Value(NpgsqlDbType.Bytea, torrent));
        }

        foreach (var change in changes)
        {
            commands.Add(PostgresRows.Insert(change));
            if (change.Removed is { } removed)
            {
                commands.Add(PostgresRows.Supersede(removed));
            }
        }

        foreach (var infoHash in gone)
        {
            Add(
                commands, "DELETE FROM shoal.torrent WHERE info_hash = $1 AND NOT EXISTS (SELECT FROM shoal.change WHERE info_hash = $1 AND counts)",
                PostgresRows.Value(NpgsqlDbType.Bytea, infoHash.ToArray()));
        }

        var last = PostgresRows.Value(NpgsqlDbType.Bigint, changes[^1].Sequence);
        if (gone.Count > 0)
        {
            Add(commands, $"DELETE FROM shoal.change WHERE NOT counts AND sequence < $1 - {KeptCount}", last);
        }

        Add(commands, "UPDATE shoal.head SET last_sequence = $1", last.Clone());
        Add(commands, $"NOTIFY {PostgresListener.Channel}");
    }

    private static void Add(NpgsqlBatchCommandCollection commands, string sql, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        commands.Add(command);
    }
}
