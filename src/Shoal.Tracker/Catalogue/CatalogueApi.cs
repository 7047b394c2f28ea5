using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Trackers;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// The endpoints of a catalogue, /api/v1/: what they take and what they answer. A refusal is a <see cref="CatalogueRefusal"/> with a status
/// that fits. Thread-safe.
/// </summary>
internal sealed class CatalogueApi(
    CatalogueCore catalogue, CatalogueAccess access, CatalogueSubscribers subscribers, CatalogueHealth health, TrustedProxies proxies, TrackerShards shards, CatalogueOptions options,
    TimeProvider time)
{
    private const int DefaultLimit = 100;
    private const string TorrentType = "application/x-bittorrent";

    /// <summary>How long a .torrent may take to come, and who brings one may wait until another has.</summary>
    private static readonly TimeSpan TimeToUpload = TimeSpan.FromSeconds(60);

    /// <summary>How long a list may wait until others are made; and how many may.</summary>
    private static readonly TimeSpan TimeToWait = TimeSpan.FromSeconds(10);

    private const int MaximumWaitingLists = 256;

    /// <summary>What .torrent files take of memory that are being sent: 128 MiB.</summary>
    private const int SendingUnits = (128 << 20) / ByteBudget.UnitLength;

    /// <summary>Bodies that are read at a time: each is held in memory.</summary>
    private readonly SemaphoreSlim _uploads = new(32);

    /// <summary>.torrent files that are got ready at a time: each is in memory more than once meanwhile.</summary>
    private readonly SemaphoreSlim _readings = new(4);

    /// <summary>Lists that are made at a time. They may look at all names, and others shall not wait for a processor.</summary>
    private readonly SemaphoreSlim _lists = new(Math.Max(1, Environment.ProcessorCount / 2));

    private readonly ByteBudget _sending = new(SendingUnits);
    private int _waitingLists;

    /// <summary>Adds the endpoints.</summary>
    public void MapTo(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/v1").WithTags("Catalogue");
        api.MapGet("/names", ListAsync).WithName("list").WithSummary("Names that match a pattern, page by page, each with its newest version");
        api.MapGet("/names/{**name}", Find).WithName("get").WithSummary("A version of a name (name@3), or its newest");
        api.MapPut("/names/{**name}", PublishAsync).WithName("publish").WithSummary("Registers a .torrent as the next version of a name; as the same version if the newest has this content")
            .Accepts<Stream>(TorrentType, "*/*");
        api.MapDelete("/names/{**name}", RemoveAsync).WithName("remove").WithSummary("Takes a version (name@3), or all of a name, out");
        api.MapGet("/versions/{**name}", Versions).WithName("versions").WithSummary("All versions of a name, oldest first");
        api.MapGet("/torrents/{**name}", TorrentAsync).WithName("torrent").WithSummary("The .torrent of a version, which names this tracker")
            .Produces<Stream>(StatusCodes.Status200OK, TorrentType);
        api.MapGet("/magnets/{**name}", Magnet).WithName("magnet").WithSummary("The magnet link of a version, which names this tracker")
            .Produces<string>(StatusCodes.Status200OK, "text/plain");
        api.MapGet("/events", Events).WithName("events").WithSummary(
            "Server-sent events: what matches now, then 'ready', then what is published or removed; Last-Event-ID continues where one left off");
    }

    private async Task<Results<Ok<CataloguePage>, Refusal>> ListAsync(HttpContext context, string? pattern, string? sort, int? limit, string? after)
    {
        NamePattern? parsed = null;
        if (pattern is { Length: > 0 } && !NamePattern.TryParse(pattern, out parsed, out var wrong))
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, $"the pattern is wrong: {wrong}");
        }

        if (!TryReadOrder(sort, out var order))
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, "sort is neither name, size nor age");
        }

        if (limit is < 1 or > CatalogueQuery.MaximumLimit)
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, $"limit is not between 1 and {CatalogueQuery.MaximumLimit}");
        }

        if (after is not null && !CatalogueQuery.IsPlace(order, after))
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, "after is not the 'next' of a page");
        }

        if (access.CheckAll(context, out var scope) is { } denial)
        {
            return Refusal.Of(denial);
        }

        var query = new CatalogueQuery(parsed, order, limit ?? DefaultLimit, after) { Scope = scope };
        try
        {
            if (Interlocked.Increment(ref _waitingLists) > MaximumWaitingLists || !await _lists.WaitAsync(TimeToWait, context.RequestAborted))
            {
                return ComeAgain(context, "too many ask for lists just now; come again later");
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waitingLists);
        }

        try
        {
            var page = catalogue.List(query, context.RequestAborted);
            return TypedResults.Ok(page with { Entries = [.. page.Entries.Select(Counted)] });
        }
        finally
        {
            _lists.Release();
        }
    }

    private static Refusal ComeAgain(HttpContext context, string reason)
    {
        context.Response.Headers.RetryAfter = "5";
        return Refusal.Of(StatusCodes.Status503ServiceUnavailable, reason);
    }

    private Results<Ok<CatalogueEntry>, Refusal> Find(HttpContext context, string name) =>
        Look(context, out var entry) is { } refusal ? refusal : TypedResults.Ok(Counted(entry));

    private Results<Ok<IReadOnlyList<CatalogueEntry>>, Refusal> Versions(HttpContext context, string name)
    {
        if (Read(context, CatalogueRights.Read, out var reference, out _) is { } refusal)
        {
            return refusal;
        }

        var versions = catalogue.VersionsOf(reference.Name);
        return versions.Count == 0 ? Missing(reference) : TypedResults.Ok<IReadOnlyList<CatalogueEntry>>([.. versions.Select(Counted)]);
    }

    private async Task<Results<Ok<CatalogueEntry>, Created<CatalogueEntry>, Refusal>> PublishAsync(HttpContext context, string name)
    {
        if (Read(context, CatalogueRights.Publish, out var reference, out var by) is { } refusal)
        {
            return refusal;
        }

        if (reference.Version is not null)
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, "the catalogue numbers the versions: publish a name without @version");
        }

        if (!await _uploads.WaitAsync(TimeToUpload, context.RequestAborted))
        {
            return ComeAgain(context, "too many publish just now; come again later");
        }

        try
        {
            using var late = new CancellationTokenSource(TimeToUpload, time);
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, late.Token);
            if (await ReadBodyAsync(context, deadline.Token) is not { } torrent)
            {
                return Refusal.Of(StatusCodes.Status413PayloadTooLarge, $"the .torrent has more than {options.MaximumTorrentLength} bytes");
            }

            if (!MetainfoReader.TryRead(torrent, out var metainfo, out var wrong))
            {
                return Refusal.Of(StatusCodes.Status400BadRequest, $"this is no .torrent: {wrong}");
            }

            var (entry, isNew) = await health.WatchAsync(catalogue.PublishAsync(reference.Name, Plain(metainfo), metainfo, by, context.RequestAborted), static outcome => outcome.IsNew);
            return isNew ? TypedResults.Created($"/api/v1/names/{string.Join('/', entry.Name.Split('/').Select(Uri.EscapeDataString))}", Counted(entry)) : TypedResults.Ok(Counted(entry));
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            context.Response.Headers.Connection = "close";
            return Refusal.Of(StatusCodes.Status408RequestTimeout, $"the .torrent did not come within {TimeToUpload.TotalSeconds:F0} seconds");
        }
        finally
        {
            _uploads.Release();
        }
    }

    // Null if it is too large. What is not read Kestrel takes in and throws away for some seconds, so that the sender hears why.
    private async Task<ReadOnlyMemory<byte>?> ReadBodyAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (context.Request.ContentLength > options.MaximumTorrentLength)
        {
            return null;
        }

        // Not as long as it says that it will be: that costs who says it nothing.
        using var body = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await context.Request.Body.ReadAsync(buffer, cancellationToken) is var count and > 0)
        {
            if (body.Length + count > options.MaximumTorrentLength)
            {
                return null;
            }

            body.Write(buffer, 0, count);
        }

        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }

    private async Task<Results<Ok<CatalogueRemoval>, Refusal>> RemoveAsync(HttpContext context, string name) =>
        Read(context, CatalogueRights.Remove, out var reference, out var by) is { } refusal ? refusal
        : await health.WatchAsync(catalogue.RemoveAsync(reference, by, context.RequestAborted), static removal => removal is not null) is { } removal ? TypedResults.Ok(removal)
        : Missing(reference);

    private async Task<Results<FileContentHttpResult, Refusal>> TorrentAsync(HttpContext context, string name)
    {
        if (Look(context, out var entry) is { } refusal)
        {
            return refusal;
        }

        await _readings.WaitAsync(context.RequestAborted);
        try
        {
            var torrent = await catalogue.ReadTorrentAsync(entry, context.RequestAborted);
            if (torrent is null || !MetainfoReader.TryRead(torrent, out var metainfo, out _))
            {
                return Refusal.Of(StatusCodes.Status404NotFound, $"the .torrent of {entry.Name}@{entry.Version} is lost; publish it again");
            }

            var bytes = MetainfoWriter.ToArray(metainfo.WithSources([[AnnounceUrl(context)]], metainfo.WebSeeds));
            if (!_sending.TryTake(bytes.Length, out var taken))
            {
                return ComeAgain(context, "too many .torrent files are being sent just now; come again later");
            }

            context.Response.OnCompleted(() =>
            {
                _sending.Give(taken);
                return Task.CompletedTask;
            });
            return TypedResults.File(bytes, TorrentType, $"{metainfo.Name}.torrent");
        }
        finally
        {
            _readings.Release();
        }
    }

    private Results<ContentHttpResult, Refusal> Magnet(HttpContext context, string name) =>
        Look(context, out var entry) is { } refusal ? refusal
        : TypedResults.Text(
            new MagnetLink { InfoHash = entry.InfoHash, Name = entry.Name[(entry.Name.LastIndexOf('/') + 1)..], Trackers = [AnnounceUrl(context)] } + "\n", "text/plain", Encoding.UTF8);

    private Results<ServerSentEventsResult<CatalogueEvent>, Refusal> Events(HttpContext context, string[]? pattern, long? after)
    {
        var patterns = new List<NamePattern>();
        foreach (var text in pattern ?? [])
        {
            if (!NamePattern.TryParse(text, out var parsed, out var wrong))
            {
                return Refusal.Of(StatusCodes.Status400BadRequest, $"a pattern is wrong: {wrong}");
            }

            patterns.Add(parsed);
        }

        if (patterns.Sum(one => one.Text.Length) > CatalogueSubscribers.MaximumPatternLength)
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, $"the patterns have more than {CatalogueSubscribers.MaximumPatternLength} characters together");
        }

        if (patterns.Count > CatalogueSubscribers.MaximumPatternCount)
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, $"there are more than {CatalogueSubscribers.MaximumPatternCount} patterns");
        }

        var lastId = context.Request.Headers["Last-Event-ID"].ToString();
        if (lastId.Length > 0 && !long.TryParse(lastId, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, "Last-Event-ID is no id of ours");
        }

        if (access.CheckAll(context, out var scope) is { } denial)
        {
            return Refusal.Of(denial);
        }

        if (subscribers.TryEnter(proxies.ClientOf(context.Features), out var crowded) is not { } place)
        {
            context.Response.Headers.RetryAfter = "30";
            return Refusal.Of(StatusCodes.Status503ServiceUnavailable, crowded);
        }

        context.Response.RegisterForDispose(place);
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no"; // nginx: what is said now shall arrive now
        long? since = lastId.Length > 0 ? long.Parse(lastId, CultureInfo.InvariantCulture) : after;
        return TypedResults.ServerSentEvents(subscribers.ReadAsync(patterns, scope, since, () => access.CheckAll(context, out _) is null, context.RequestAborted));
    }

    private CatalogueEntry Counted(CatalogueEntry entry)
    {
        var counts = shards.Scrape(shards.Now, entry.InfoHash);
        return entry with { Seeders = counts.SeederCount, Leechers = counts.LeecherCount };
    }

    private Refusal? Read(HttpContext context, CatalogueRights right, out CatalogueReference reference, out string? by)
    {
        by = null;
        reference = default;
        if (NameInUrl.Read(context) is not { } name)
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, "the name in the URL is not UTF-8 in percent-encoding");
        }

        if (!CatalogueReference.TryParse(name, out reference, out var wrong))
        {
            return Refusal.Of(StatusCodes.Status400BadRequest, $"this is no name: {wrong}");
        }

        var denial = access.Check(context, right, reference.Name.Value, out var token);
        by = token?.Name;
        return denial is null ? null : Refusal.Of(denial);
    }

    private Refusal? Look(HttpContext context, out CatalogueEntry entry)
    {
        entry = null!;
        if (Read(context, CatalogueRights.Read, out var reference, out _) is { } refusal)
        {
            return refusal;
        }

        entry = catalogue.Find(reference)!;
        return entry is null ? Missing(reference) : null;
    }

    // Not Enum.TryParse, which takes numbers and lists, too.
    private static bool TryReadOrder(string? sort, out CatalogueOrder order)
    {
        var index = Array.FindIndex(Enum.GetNames<CatalogueOrder>(), name => name.Equals(sort ?? nameof(CatalogueOrder.Name), StringComparison.OrdinalIgnoreCase));
        order = index >= 0 ? Enum.GetValues<CatalogueOrder>()[index] : default;
        return index >= 0;
    }

    private static Refusal Missing(CatalogueReference reference) => Refusal.Of(StatusCodes.Status404NotFound, $"there is no '{reference}' in the catalogue");

    // Where it was announced before is nothing to those who have it from here.
    private static byte[] Plain(Metainfo metainfo) => MetainfoWriter.ToArray(metainfo.WithSources([], metainfo.WebSeeds));

    // For a member with his passkey.
    private string AnnounceUrl(HttpContext context)
    {
        var passkey = options.IsMembersOnly && CatalogueAccess.TokenOf(context.Request) is { } token ? $"/{Passkey.OfToken(token)}" : "";
        return $"{proxies.OriginOf(context)}{passkey}/announce";
    }
}
