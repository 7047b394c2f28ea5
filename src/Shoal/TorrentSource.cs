using System.Net.Http;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal;

/// <summary>
/// Where a torrent is known from: a magnet link, a shoal: link, a URL of a .torrent, a .torrent file, an info-hash, or a
/// <see cref="Metainfo"/> in hand. Immutable.
/// </summary>
public sealed class TorrentSource
{
    /// <summary>The largest .torrent that is fetched by URL, in bytes: 10 MiB.</summary>
    public const int MaximumFetchBytes = 10 * 1024 * 1024;

    private static readonly TimeSpan FetchTimeout = TimeSpan.FromSeconds(30);

    private readonly Func<CancellationToken, Task<TorrentOrigin>> _load;
    private readonly string _text;

    private TorrentSource(string text, Func<CancellationToken, Task<TorrentOrigin>> load)
    {
        _text = text;
        _load = load;
    }

    /// <summary>Tells apart a magnet link, a shoal: link, a URL, an existing file and an info-hash, in that order.</summary>
    /// <exception cref="ShoalException">It is none of these, or malformed.</exception>
    public static TorrentSource Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (MagnetLink.IsMagnet(text))
        {
            return MagnetLink.TryParse(text, out var link, out var error)
                ? FromMagnet(link)
                : throw new ShoalException(ShoalErrorKind.BadInput, error);
        }

        if (SecretLink.IsSecretLink(text))
        {
            return SecretLink.TryParse(text, out var link, out var error)
                ? FromSecretLink(link)
                : throw new ShoalException(ShoalErrorKind.BadInput, error);
        }

        if (text.Contains("://", StringComparison.Ordinal))
        {
            return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
                ? FromUrl(url)
                : throw new ShoalException(ShoalErrorKind.BadInput, $"'{SafePath.ForDisplay(text)}' is not an http or https URL");
        }

        return File.Exists(text) ? FromFile(text)
            : InfoHash.TryParse(text, out var infoHash) ? FromInfoHash(infoHash)
            : Directory.Exists(text)
                ? throw new ShoalException(ShoalErrorKind.BadInput, $"'{SafePath.ForDisplay(text)}' is a folder, not a .torrent")
                : throw new ShoalException(
                    ShoalErrorKind.BadInput, $"'{SafePath.ForDisplay(text)}' is neither a magnet link, a URL, a file that exists, nor an info-hash");
    }

    /// <summary>From a magnet link.</summary>
    public static TorrentSource FromMagnet(MagnetLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        return new TorrentSource(link.ToString(), _ => Task.FromResult(Of(link)));
    }

    /// <summary>From the link of a secret share.</summary>
    public static TorrentSource FromSecretLink(SecretLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        return new TorrentSource(link.ToString(), _ => Task.FromResult(Of(link.Magnet) with { Key = link.Key }));
    }

    /// <summary>The same torrent, which is the link's secret share, with the key that opens it and the trackers and peers that the link names.</summary>
    public TorrentSource With(SecretLink link) => new(_text, async cancel =>
    {
        var (origin, more) = (await _load(cancel), Of(link.Magnet));
        return origin with
        {
            Trackers = [.. origin.Trackers, .. more.Trackers], Peers = [.. origin.Peers, .. more.Peers],
            IsPublic = origin.IsPublic && more.IsPublic, Key = link.Key,
        };
    });

    /// <summary>From an info-hash alone: peers must come from elsewhere.</summary>
    public static TorrentSource FromInfoHash(InfoHash infoHash)
    {
        var origin = new TorrentOrigin(infoHash, null, null, [], [], [], IsPublic: true);
        return new TorrentSource(infoHash.ToString(), _ => Task.FromResult(origin));
    }

    /// <summary>From metainfo in hand.</summary>
    public static TorrentSource FromMetainfo(Metainfo metainfo)
    {
        ArgumentNullException.ThrowIfNull(metainfo);
        return new TorrentSource(metainfo.Name, _ => Task.FromResult(Of(metainfo)));
    }

    /// <summary>From a .torrent file.</summary>
    public static TorrentSource FromFile(string path) =>
        new(path, async cancel => Of(await ReadFileAsync(path, cancel)));

    /// <summary>From the URL of a .torrent, which is fetched when it is added.</summary>
    public static TorrentSource FromUrl(Uri url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return new TorrentSource(url.ToString(), async cancel => Of(Read(await FetchAsync(url, cancel), url.ToString())));
    }

    /// <summary>Reads a .torrent file.</summary>
    /// <exception cref="ShoalException">There is none, it cannot be read, or it is malformed; the message names the file and the place.</exception>
    public static async Task<Metainfo> ReadFileAsync(string path, CancellationToken cancellationToken = default)
    {
        var name = SafePath.ForDisplay(path);
        try
        {
            var length = new FileInfo(path).Length;
            // Pipes and devices say 0, too; reading them would never end.
            return length == 0 ? throw new ShoalException(ShoalErrorKind.BadInput, $"'{name}' is empty, or no ordinary file")
                : length > MetainfoReader.MaximumLength
                ? throw new ShoalException(ShoalErrorKind.BadInput, $"{name}: {length} bytes are too many for a .torrent")
                : Read(await File.ReadAllBytesAsync(path, cancellationToken), name);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ShoalException(
                ShoalErrorKind.BadInput, Directory.Exists(path) ? $"'{name}' is a folder, not a .torrent" : $"there is no file '{name}'", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ShoalException(ShoalErrorKind.BadInput, $"cannot read '{name}': {error.Message}", error);
        }
    }

    /// <summary>Which torrent it is, what it holds where the source tells, and its trackers in tiers (BEP 12).</summary>
    /// <exception cref="ShoalException">It cannot be read or fetched, or is malformed.</exception>
    public async Task<(InfoHash InfoHash, Metainfo? Metainfo, IReadOnlyList<IReadOnlyList<string>> Trackers)> ReadAsync(
        CancellationToken cancellationToken = default)
    {
        var origin = await LoadAsync(cancellationToken);
        return (origin.InfoHash, origin.Metainfo, origin.Trackers);
    }

    /// <summary>The link, path or URL.</summary>
    public override string ToString() => _text;

    internal Task<TorrentOrigin> LoadAsync(CancellationToken cancellationToken) => _load(cancellationToken);

    private static TorrentOrigin Of(MagnetLink link) => new(
        link.InfoHash, link.Name, null, [.. link.Trackers.Select(tracker => (IReadOnlyList<string>)[tracker])], link.Peers, link.Files, link.MayUseDht);

    private static TorrentOrigin Of(Metainfo metainfo) => new(metainfo.InfoHash, metainfo.Name, metainfo, metainfo.Trackers, [], [], metainfo.MayUseDht);

    private static Metainfo Read(byte[] document, string name) =>
        MetainfoReader.TryRead(document, out var metainfo, out var error)
            ? metainfo
            : throw new ShoalException(ShoalErrorKind.BadInput, $"{name}: {error}");

    private static async Task<byte[]> FetchAsync(Uri url, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(FetchTimeout);
        try
        {
            using var handler = new SocketsHttpHandler { MaxAutomaticRedirections = 5, AutomaticDecompression = System.Net.DecompressionMethods.All };
            using var client = new HttpClient(handler) { MaxResponseContentBufferSize = MaximumFetchBytes, Timeout = Timeout.InfiniteTimeSpan };
            using var response = await client.GetAsync(url, timeout.Token);
            return response.IsSuccessStatusCode
                ? await response.Content.ReadAsByteArrayAsync(timeout.Token)
                : throw new ShoalException(ShoalErrorKind.Failed, $"{url}: the server answers {(int)response.StatusCode} {response.ReasonPhrase}");
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ShoalException(ShoalErrorKind.Failed, $"{url}: no answer within {FetchTimeout.TotalSeconds:F0} s", error);
        }
        catch (HttpRequestException error)
        {
            var isTooLong = error.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded;
            throw new ShoalException(
                ShoalErrorKind.Failed, isTooLong ? $"{url}: more than {MaximumFetchBytes >> 20} MiB, too many for a .torrent" : $"{url}: {error.Message}", error);
        }
    }
}

/// <summary>What is known of a torrent before it is added, and whether strangers may learn of it where nobody says otherwise.</summary>
internal sealed record TorrentOrigin(
    InfoHash InfoHash,
    string? Name,
    Metainfo? Metainfo,
    IReadOnlyList<IReadOnlyList<string>> Trackers,
    IReadOnlyList<MagnetPeer> Peers,
    IReadOnlyList<FileRange> Files,
    bool IsPublic,
    SecretKey? Key = null)
{
    /// <summary>Opens the torrent with the key; null where there is none.</summary>
    /// <exception cref="ShoalException">The key does not open it.</exception>
    public SecretShare? Open(Metainfo torrent) =>
        Key is null ? null
        : SecretShare.TryOpen(torrent, Key, out var share, out var error) ? share
        : throw new ShoalException(ShoalErrorKind.BadInput, $"{torrent.Name}: {error}");
}
