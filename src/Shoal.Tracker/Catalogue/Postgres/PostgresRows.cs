using Npgsql;
using NpgsqlTypes;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue.Postgres;

/// <summary>Changes as rows of the table <c>shoal.change</c>.</summary>
internal static class PostgresRows
{
    /// <summary>What <see cref="Read"/> wants, in its order.</summary>
    public const string Columns = "sequence, name, version, info_hash, size, file_count, piece_length, last_version, at, by";

    /// <summary>The change in the row that the reader stands at.</summary>
    public static CatalogueChange Read(NpgsqlDataReader row)
    {
        var (sequence, name) = (row.GetInt64(0), row.GetString(1));
        int? version = row.IsDBNull(2) ? null : row.GetInt32(2);
        var at = new DateTimeOffset(DateTime.SpecifyKind(row.GetDateTime(8), DateTimeKind.Utc));
        var by = row.IsDBNull(9) ? null : row.GetString(9);
        return row.IsDBNull(3)
            ? new CatalogueChange(Removed: new CatalogueRemoval(name, version, row.GetInt32(7), at, sequence) { RemovedBy = by })
            : new CatalogueChange(
                new CatalogueEntry(name, version!.Value, InfoHashIn(row, 3), row.GetInt64(4), row.GetInt32(5), row.GetInt32(6), at, sequence) { PublishedBy = by });
    }

    /// <summary>What adds a change.</summary>
    public static NpgsqlBatchCommand Insert(CatalogueChange change)
    {
        var (published, removed) = (change.Published, change.Removed);
        return new NpgsqlBatchCommand($"INSERT INTO shoal.change ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        {
            Parameters =
            {
                Value(NpgsqlDbType.Bigint, change.Sequence),
                Value(NpgsqlDbType.Text, change.Name),
                Value(NpgsqlDbType.Integer, published?.Version ?? removed?.Version),
                Value(NpgsqlDbType.Bytea, published?.InfoHash.ToArray()),
                Value(NpgsqlDbType.Bigint, published?.Size),
                Value(NpgsqlDbType.Integer, published?.FileCount),
                Value(NpgsqlDbType.Integer, published?.PieceLength),
                Value(NpgsqlDbType.Integer, removed?.LastVersion),
                Value(NpgsqlDbType.TimestampTz, (published?.PublishedAt ?? removed!.At).UtcDateTime),
                Value(NpgsqlDbType.Text, published?.PublishedBy ?? removed?.RemovedBy),
            },
        };
    }

    /// <summary>What says that versions taken out, and the removal before, count no more.</summary>
    public static NpgsqlBatchCommand Supersede(CatalogueRemoval removed) => new(
        "UPDATE shoal.change SET counts = false WHERE name = $1 AND sequence < $2 AND counts AND (info_hash IS NULL OR version = coalesce($3, version))")
    {
        Parameters = { Value(NpgsqlDbType.Text, removed.Name), Value(NpgsqlDbType.Bigint, removed.Sequence), Value(NpgsqlDbType.Integer, removed.Version) },
    };

    /// <summary>A parameter, by its place.</summary>
    public static NpgsqlParameter Value(NpgsqlDbType type, object? value) => new() { NpgsqlDbType = type, Value = value ?? DBNull.Value };

    private static InfoHash InfoHashIn(NpgsqlDataReader row, int column)
    {
        var bytes = new byte[InfoHash.Length];
        row.GetBytes(column, 0, bytes, 0, bytes.Length);
        return new InfoHash(bytes);
    }
}
