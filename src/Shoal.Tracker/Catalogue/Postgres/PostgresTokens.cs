using System.Data;
using Npgsql;
using NpgsqlTypes;

namespace Shoal.Tracker.Catalogue.Postgres;

/// <summary>
/// The tokens of a catalogue in PostgreSQL. Thread-safe; changes by several programs at once are in order, for each holds the lock on
/// <c>shoal.head</c>.
/// </summary>
/// <param name="place">The database.</param>
/// <param name="generation">How often they were changed, as far as is known; 0 if it is not.</param>
internal sealed class PostgresTokens(PostgresPlace place, Func<long> generation) : ITokenStore
{
    public bool IsRemote => true;

    public bool Exist => Try(static connection => PostgresListener.ReadHead(connection).TokenGeneration > 0);

    // Before it is known they are read each time.
    public (long, long) Stamp => (generation(), 0);

    public List<CatalogueToken> Read() => Try(Read);

    public void Change(Func<List<CatalogueToken>, bool> change) => Try(connection =>
    {
        using var transaction = connection.BeginTransaction(IsolationLevel.ReadCommitted);
        Run(connection, "SET LOCAL lock_timeout = '8s'");
        Run(connection, "SELECT FROM shoal.head FOR UPDATE");
        var before = Read(connection);
        List<CatalogueToken> after = [.. before];
        if (!change(after))
        {
            return false;
        }

        foreach (var token in before.ExceptBy(after.Select(token => token.Name), token => token.Name))
        {
            Run(connection, "DELETE FROM shoal.token WHERE name = $1", PostgresRows.Value(NpgsqlDbType.Text, token.Name));
        }

        foreach (var token in after.ExceptBy(before.Select(token => token.Name), token => token.Name))
        {
            Run(
                connection, "INSERT INTO shoal.token (name, hash, rights, pattern, created_at) VALUES ($1, $2, $3, $4, $5)",
                PostgresRows.Value(NpgsqlDbType.Text, token.Name), PostgresRows.Value(NpgsqlDbType.Text, token.Hash),
                PostgresRows.Value(NpgsqlDbType.Text, token.Rights.ToString()), PostgresRows.Value(NpgsqlDbType.Text, token.Pattern),
                PostgresRows.Value(NpgsqlDbType.TimestampTz, token.CreatedAt.UtcDateTime));
        }

        Run(connection, "UPDATE shoal.head SET token_generation = token_generation + 1");
        Run(connection, $"NOTIFY {PostgresListener.Channel}");
        transaction.Commit();
        return true;
    });

    private static List<CatalogueToken> Read(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand("SELECT name, hash, rights, pattern, created_at FROM shoal.token ORDER BY number", connection);
        using var row = command.ExecuteReader();
        var tokens = new List<CatalogueToken>();
        while (row.Read())
        {
            tokens.Add(new CatalogueToken(
                row.GetString(0), row.GetString(1), Enum.TryParse<CatalogueRights>(row.GetString(2), out var rights) ? rights : CatalogueRights.None, row.GetString(3),
                new DateTimeOffset(DateTime.SpecifyKind(row.GetDateTime(4), DateTimeKind.Utc))));
        }

        return tokens;
    }

    private static void Run(NpgsqlConnection connection, string sql, params NpgsqlParameter[] parameters)
    {
        using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        command.ExecuteNonQuery();
    }

    // Rare: no connection is kept open for it.
    private T Try<T>(Func<NpgsqlConnection, T> deed)
    {
        try
        {
            using var source = place.CreateDataSource(isPooled: false);
            using var connection = source.OpenConnection();
            return deed(connection);
        }
        catch (Exception error) when (PostgresPlace.IsFailure(error))
        {
            throw place.Explain(error);
        }
    }
}
