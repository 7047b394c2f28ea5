using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace Shoal.Tracker.Catalogue.Postgres;

/// <summary>A database in PostgreSQL, by its connection string; and what fails there in one line, which names it, but never its password. Immutable.</summary>
internal sealed class PostgresPlace
{
    private const int MaximumTimeoutSeconds = 60;

    /// <summary>What holds unless the connection string says otherwise. A tracker answers from memory: it needs few connections.</summary>
    private const string Defaults = "Timeout=5;Command Timeout=10;Maximum Pool Size=16;Application Name=shoal";

    private readonly NpgsqlConnectionStringBuilder _builder;

    private PostgresPlace(NpgsqlConnectionStringBuilder builder) => _builder = builder;

    /// <summary>Whether a text is a connection string rather than a folder: it begins with the name of a setting and '='.</summary>
    public static bool IsMeant(string text) =>
        text.IndexOf('=') is var end and > 0 && new NpgsqlConnectionStringBuilder().ContainsKey(text[..end].Trim());

    /// <summary>Whether a text that is none may have been meant as a connection string, and have a password in it: its first setting is misspelt.</summary>
    public static bool IsPerhapsMeant(string text) =>
        text.IndexOf('=') is var end and >= 0 && text.Contains(';') && text.AsSpan(0, end).IndexOfAny(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar) < 0;

    /// <summary>Reads a connection string.</summary>
    /// <exception cref="CatalogueException">It is none. The message repeats nothing of it: a password may stand anywhere.</exception>
    public static PostgresPlace Parse(string text)
    {
        var builder = new NpgsqlConnectionStringBuilder(Defaults);
        DbConnectionStringBuilder given;
        try
        {
            given = new DbConnectionStringBuilder { ConnectionString = text };
        }
        catch (ArgumentException error)
        {
            throw new CatalogueException("the catalogue's connection string is not SETTING=VALUE with ';' between", error);
        }

        var number = 0;
        foreach (string setting in given.Keys)
        {
            number++;
            try
            {
                builder[setting] = given[setting];
            }
            catch (Exception error) when (error is ArgumentException or FormatException or OverflowException or InvalidCastException or KeyNotFoundException)
            {
                throw new CatalogueException($"setting {number} of the catalogue's connection string is not known, or cannot have this value", error);
            }
        }

        if (string.IsNullOrEmpty(builder.Host))
        {
            throw new CatalogueException("the catalogue's connection string names no Host");
        }

        builder.Timeout = builder.Timeout == 0 ? MaximumTimeoutSeconds : Math.Min(builder.Timeout, MaximumTimeoutSeconds);
        builder.CommandTimeout = builder.CommandTimeout == 0 ? MaximumTimeoutSeconds : Math.Min(builder.CommandTimeout, MaximumTimeoutSeconds);
        return new PostgresPlace(builder);
    }

    /// <summary>Connections to it.</summary>
    /// <param name="isPooled">Whether those that are not needed just now are kept open.</param>
    public NpgsqlDataSource CreateDataSource(bool isPooled)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(new NpgsqlConnectionStringBuilder(_builder.ConnectionString) { Pooling = isPooled }.ConnectionString);
        builder.EnableTransportSecurity();
        return builder.Build();
    }

    /// <summary>Whether an exception is one that the database, or the way to it, is the cause of.</summary>
    public static bool IsFailure(Exception error) => error is NpgsqlException or TimeoutException or SocketException or IOException;

    /// <summary>The failure in one line for the user.</summary>
    public CatalogueException Explain(Exception error) => new(Describe(error), error);

    /// <inheritdoc/>
    public override string ToString() => $"PostgreSQL at {_builder.Host}{(_builder.Host!.StartsWith('/') ? "" : $":{_builder.Port}")}";

    private string Describe(Exception error) => error is PostgresException said
        ? said.SqlState switch
        {
            PostgresErrorCodes.InvalidCatalogName => $"there is no database '{_builder.Database}' in {this}: make it with createdb",
            PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => $"{this} does not let us in: {said.MessageText}",
            PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName =>
                $"there is no catalogue in the database '{_builder.Database}' of {this}: 'shoal tracker --catalogue' makes one",
            PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow => $"{this} is away: {said.MessageText}",
            _ => $"{this} says: {said.MessageText} ({said.SqlState})",
        }
        : $"{this} is away: {Innermost(error)}";

    private static string Innermost(Exception error)
    {
        while (error.InnerException is { } inner)
        {
            error = inner;
        }

        return error switch
        {
            TimeoutException => "it does not answer in time",
            EndOfStreamException => "the connection broke",
            _ => error.Message.ReplaceLineEndings(" "),
        };
    }
}
