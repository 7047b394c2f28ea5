using System.Data;
using System.Globalization;
using System.Reflection;
using Npgsql;

namespace Shoal.Tracker.Catalogue.Postgres;

/// <summary>
/// The tables, made and changed by numbered scripts: <c>Schema/0001_….sql</c> and on. Those that were run are noted in the database; one tracker
/// at a time runs them, each with its note in one transaction.
/// </summary>
internal static class PostgresSchema
{
    /// <summary>Names the lock; any number that nobody else uses.</summary>
    private const long Lock = 0x73686f616c;

    /// <summary>The scripts, in order: the n-th has the number n.</summary>
    private static readonly string[] Scripts = [.. Assembly.GetManifestResourceNames().Where(static name => name.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static Assembly Assembly => typeof(PostgresSchema).Assembly;

    /// <summary>Brings the tables to what this program knows.</summary>
    /// <exception cref="CatalogueException">They are of a newer program.</exception>
    public static void Migrate(NpgsqlConnection connection, PostgresPlace place)
    {
        using var transaction = connection.BeginTransaction(IsolationLevel.ReadCommitted);
        Run(connection, $"SELECT pg_advisory_xact_lock({Lock})");
        if (!(bool)Ask(connection, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'shoal')"))
        {
            Run(connection, "CREATE SCHEMA shoal");
        }

        // Asked first: who may not make anything may still use what an owner has made.
        if ((bool)Ask(connection, "SELECT to_regclass('shoal.migration') IS NULL"))
        {
            Run(connection, "CREATE TABLE shoal.migration (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())");
        }

        var number = (int)Ask(connection, "SELECT coalesce(max(number), 0) FROM shoal.migration");
        if (number > Scripts.Length)
        {
            throw new CatalogueException($"the catalogue in {place} is of a newer shoal: its schema has the number {number}, and this one knows {Scripts.Length}");
        }

        while (number < Scripts.Length)
        {
            using var script = new StreamReader(Assembly.GetManifestResourceStream(Scripts[number++])!);
            Run(connection, script.ReadToEnd());
            Run(connection, string.Create(CultureInfo.InvariantCulture, $"INSERT INTO shoal.migration (number) VALUES ({number})"));
        }

        transaction.Commit();
    }

    private static void Run(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private static object Ask(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar()!;
    }
}
