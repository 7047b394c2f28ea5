using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Trackers;
using Shoal.Tracker.Catalogue.Postgres;

namespace Shoal.Tracker.Catalogue;

/// <summary>What a token lets its holder do.</summary>
[Flags]
[JsonConverter(typeof(JsonStringEnumConverter<CatalogueRights>))]
public enum CatalogueRights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>List and get, where not everybody may.</summary>
    Read = 1,

    /// <summary>Publish new names and versions.</summary>
    Publish = 2,

    /// <summary>Take names and versions out.</summary>
    Remove = 4,

    /// <summary>All of it.</summary>
    All = Read | Publish | Remove,
}

/// <summary>What is kept of a token: never the token itself.</summary>
/// <param name="Name">What it is called, in lists and beside what it published.</param>
/// <param name="Hash">SHA-256 of the token, in hexadecimal digits.</param>
/// <param name="Rights">What it allows.</param>
/// <param name="Pattern">The names that it is for; see <see cref="NamePattern"/>.</param>
/// <param name="CreatedAt">When it was made (UTC).</param>
public sealed record CatalogueToken(string Name, string Hash, CatalogueRights Rights, string Pattern, DateTimeOffset CreatedAt);

/// <summary>
/// The tokens of a catalogue, which may change while a tracker runs. Thread-safe; changes by several programs at once are in order.
/// </summary>
public sealed class CatalogueTokens
{
    /// <summary>What every token begins with, so that it is known for what it is where it should not be.</summary>
    public const string Prefix = "shoal_";

    /// <summary>The longest name of a token, in characters.</summary>
    public const int MaximumNameLength = 64;

    /// <summary>The most tokens.</summary>
    public const int MaximumCount = 10_000;

    private const string FirstName = "first";

    /// <summary>Milliseconds until tokens that could not be read from elsewhere are asked for again.</summary>
    private const int PauseAfterFailure = 1000;

    private readonly Lock _gate = new();
    private readonly ITokenStore _store;
    private volatile Known? _known;
    private long _nextTry;

    /// <summary>Those of a catalogue in a folder.</summary>
    public CatalogueTokens(string folder)
        : this(new TokenFile(folder))
    {
    }

    internal CatalogueTokens(ITokenStore store) => _store = store;

    /// <summary>Whether there ever was a token.</summary>
    /// <exception cref="CatalogueException">It cannot be read.</exception>
    public bool Exist => _store.Exist;

    /// <summary>Those of a catalogue that is kept so.</summary>
    public static CatalogueTokens Of(CatalogueOptions options) =>
        options.Database is { } database ? new CatalogueTokens(new PostgresTokens(PostgresPlace.Parse(database), static () => 0)) : new CatalogueTokens(options.Folder);

    /// <summary>All tokens, in the order in which they were made.</summary>
    /// <exception cref="CatalogueException">They cannot be read.</exception>
    public IReadOnlyList<CatalogueToken> List() => _store.Read();

    /// <summary>Makes a token.</summary>
    /// <returns>The token itself, which is kept nowhere.</returns>
    /// <exception cref="CatalogueException">There is one of that name, there are too many, or it cannot be written.</exception>
    /// <exception cref="ArgumentException">The name or the pattern is none.</exception>
    public string Create(string name, CatalogueRights rights, string pattern)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > MaximumNameLength || name.Any(char.IsControl))
        {
            throw new ArgumentException($"a token's name has 1 to {MaximumNameLength} characters, none of them a control character", nameof(name));
        }

        if (!NamePattern.TryParse(pattern, out _, out var wrong))
        {
            throw new ArgumentException(wrong, nameof(pattern));
        }

        var secret = NewSecret();
        _store.Change(tokens =>
        {
            if (tokens.Exists(token => token.Name == name))
            {
                throw new CatalogueException($"there is a token '{name}' already");
            }

            if (tokens.Count >= MaximumCount)
            {
                throw new CatalogueException($"there are {MaximumCount} tokens already");
            }

            tokens.Add(new CatalogueToken(name, HashOf(secret), rights, pattern, DateTimeOffset.UtcNow));
            return true;
        });
        return secret;
    }

    /// <summary>Makes a token for everything if there never was one: also if several trackers begin at once, one of them does.</summary>
    /// <returns>Its name and the token itself; null if there was one.</returns>
    /// <exception cref="CatalogueException">It cannot be written.</exception>
    public (string Name, string Secret)? CreateFirst()
    {
        var secret = NewSecret();
        var isMade = !_store.Exist;
        if (isMade)
        {
            _store.Change(tokens =>
            {
                isMade = !_store.Exist;
                tokens.Add(new CatalogueToken(FirstName, HashOf(secret), CatalogueRights.All, "**", DateTimeOffset.UtcNow));
                return isMade;
            });
        }

        return isMade ? (FirstName, secret) : null;
    }

    /// <summary>Revokes the token of that name; false if there is none.</summary>
    /// <exception cref="CatalogueException">They cannot be read or written.</exception>
    public bool Revoke(string name)
    {
        var count = 0;
        _store.Change(tokens => (count = tokens.RemoveAll(token => token.Name == name)) > 0);
        return count > 0;
    }

    /// <summary>What is known of the token, and the names that it is for; null if it is none. Sees what was created or revoked meanwhile.</summary>
    /// <exception cref="CatalogueException">They cannot be read.</exception>
    internal KnownToken? Find(string secret) => Current().ByHash.GetValueOrDefault(HashOf(secret));

    /// <summary>The same, of the token whose passkey it is.</summary>
    /// <exception cref="CatalogueException">They cannot be read.</exception>
    internal KnownToken? Find(Passkey passkey) => Current().ByPasskey.GetValueOrDefault(passkey);

    /// <summary>Those that are known, read again if they were changed. While one reads them the others go by what is known.</summary>
    /// <exception cref="CatalogueException">They cannot be read, and none are known, or are not to be gone by.</exception>
    internal Known Current()
    {
        var stamp = _store.Stamp;
        var known = _known;
        if (known is not null && ((stamp == known.Stamp && stamp != default) || Environment.TickCount64 < Volatile.Read(ref _nextTry)))
        {
            return known;
        }

        var isMine = _gate.TryEnter();
        if (!isMine && known is not null)
        {
            return known;
        }

        if (!isMine)
        {
            _gate.Enter();
        }

        try
        {
            return _known = new Known(_store.Read(), stamp);
        }
        catch (CatalogueException) when (_store.IsRemote && known is not null)
        {
            Volatile.Write(ref _nextTry, Environment.TickCount64 + PauseAfterFailure);
            return known;
        }
        finally
        {
            _gate.Exit();
        }
    }

    private static string NewSecret() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    // The secret has 256 random bits: no salt or slow hash would make it harder to guess.
    private static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    /// <summary>All tokens as they were read at one time. Immutable.</summary>
    internal sealed class Known
    {
        public Known(IEnumerable<CatalogueToken> tokens, (long, long) stamp)
        {
            Stamp = stamp;
            foreach (var token in tokens)
            {
                if (NamePattern.TryParse(token.Pattern, out var pattern, out _) && ByHash.TryAdd(token.Hash, new KnownToken(token, pattern)))
                {
                    ByPasskey.TryAdd(Passkey.OfTokenHash(token.Hash), ByHash[token.Hash]);
                }
            }
        }

        public (long, long) Stamp { get; }

        public Dictionary<string, KnownToken> ByHash { get; } = new(StringComparer.OrdinalIgnoreCase);

        public Dictionary<Passkey, KnownToken> ByPasskey { get; } = [];
    }
}

/// <summary>A token, and its pattern read.</summary>
internal sealed record KnownToken(CatalogueToken Token, NamePattern Pattern);
