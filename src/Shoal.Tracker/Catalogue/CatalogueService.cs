using System.Diagnostics;
using System.Net.ServerSentEvents;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Catalogue;
using Shoal.Tracker.Catalogue.Postgres;
using Shoal.Tracker.Metrics;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// A catalogue beside a tracker: ASP.NET's routing for all that is no announce, on the tracker's own Kestrel. Thread-safe.
/// </summary>
internal sealed class CatalogueService : IAsyncDisposable
{
    private readonly CatalogueCore _catalogue;
    private readonly CatalogueTraffic _traffic = new();
    private readonly ServiceProvider _services;
    private readonly RequestDelegate _pipeline;
    private readonly ILogger _logger;
    private readonly string _folder;

    private CatalogueService(CatalogueOptions options, TrackerShards shards, TrustedProxies proxies, ILoggerFactory loggers, TimeProvider time)
    {
        _logger = loggers.CreateLogger<CatalogueService>();
        _folder = options.Folder;
        if (options.Database is { } database)
        {
            var store = new PostgresStore(PostgresPlace.Parse(database), _logger);
            _catalogue = CatalogueCore.Open(store, time, _logger);
            Tokens = new CatalogueTokens(store.Tokens);
            Tokens.Current(); // now that the database answers: nobody shall have to wait for them later
        }
        else
        {
            _catalogue = CatalogueCore.Open(new FileStore(options.Folder, _logger), time, _logger);
            Tokens = new CatalogueTokens(options.Folder);
        }

        var services = new ServiceCollection();
        services.AddSingleton(loggers);
        services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        services.AddSingleton<IHostEnvironment>(new Surroundings());
        services.AddSingleton(new DiagnosticListener("Shoal.Tracker"));
        services.AddRouting();
        services.AddOpenApi("v1", openApi => openApi.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Shoal catalogue";
            document.Info.Version = "1";
            document.Info.Description = "Files by name: published as torrents, listed, fetched from the swarm, subscribed to.";
            document.Servers = [];
            return Task.CompletedTask;
        }));
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, CatalogueJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(1, ParameterJson.Default);
            json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        });
        _services = services.BuildServiceProvider();

        _catalogue.CaughtUp = Health.Recover;
        if (options.IsMembersOnly)
        {
            shards.Admits = new Members(_catalogue, Tokens, _logger).Admits;
        }

        Subscribers = new CatalogueSubscribers(_catalogue, options, _traffic);
        var api = new CatalogueApi(_catalogue, new CatalogueAccess(Tokens, options, proxies), Subscribers, Health, proxies, shards, options, time);
        var builder = new ApplicationBuilder(_services);
        builder.Use(AnswerFailuresAsync);
        builder.UseRouting();
        builder.UseEndpoints(endpoints =>
        {
            api.MapTo(endpoints);
            endpoints.MapOpenApi("/openapi.json");
        });
        _pipeline = builder.Build();
    }

    public CatalogueTokens Tokens { get; }

    public CatalogueSubscribers Subscribers { get; }

    /// <summary>Whether it keeps what it is given.</summary>
    public CatalogueHealth Health { get; } = new();

    /// <summary>Names in it.</summary>
    public int Count => _catalogue.Count;

    /// <summary>Opens the catalogue.</summary>
    /// <exception cref="CatalogueException">It cannot be read or written, is in use, or is damaged.</exception>
    public static CatalogueService Open(CatalogueOptions options, TrackerShards shards, TrustedProxies proxies, ILoggerFactory loggers, TimeProvider time) =>
        new(options, shards, proxies, loggers, time);

    /// <summary>Answers one request, on a thread of the pool.</summary>
    public async Task ProcessAsync(IFeatureCollection features)
    {
        // Completions may run on the thread that polls all sockets, which announces share: a list that looks at a million names is not for it.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        // Announces have no body, and Kestrel is told so. Here a body that is not read shall not break the connection before the answer is through.
        if (features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = null;
        }

        var start = Stopwatch.GetTimestamp();
        await using var scope = _services.CreateAsyncScope();
        var context = new DefaultHttpContext(features) { RequestServices = scope.ServiceProvider };
        try
        {
            await _pipeline(context);
        }
        finally
        {
            _traffic.Count(context.GetEndpoint()?.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName, context.Response.StatusCode, start);
        }
    }

    /// <summary>Writes what it holds and has done.</summary>
    public void WriteMetrics(PrometheusText text)
    {
        text.Gauge("shoal_catalogue_names", "Names in the catalogue.", _catalogue.Count);
        text.Gauge("shoal_catalogue_versions", "Versions of all names.", _catalogue.VersionCount);
        text.Gauge("shoal_catalogue_subscribers", "Who listens to the events now.", Subscribers.Count);
        text.Gauge("shoal_catalogue_waiting_changes", "Changes that wait for their turn to be written.", _catalogue.OrderCount);
        text.Gauge("shoal_catalogue_writable", "1 if the last change was kept, 0 if the disk failed it.", Health.IsWell ? 1 : 0);
        text.Counter("shoal_catalogue_write_failures_total", "Changes that the disk failed.", Health.FailureCount);
        _traffic.WriteTo(text);
    }

    public async ValueTask DisposeAsync()
    {
        await _catalogue.DisposeAsync();
        await _services.DisposeAsync();
    }

    // Where it lies on the tracker's disk is for the log.
    private string WithoutFolder(string reason) => _folder.Length == 0 ? reason
        : reason.Replace($"'{Path.GetFullPath(_folder)}/", "'", StringComparison.Ordinal).Replace($"'{_folder}/", "'", StringComparison.Ordinal);

    private async Task AnswerFailuresAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
            var wrong = context.Response.HasStarted ? null : context.Response.StatusCode switch
            {
                StatusCodes.Status400BadRequest => "a parameter is missing, or not what /openapi.json says that it is",
                StatusCodes.Status404NotFound => "there is nothing here: /openapi.json says what is where",
                StatusCodes.Status405MethodNotAllowed => "this method is not for this path: /openapi.json says what is where",
                _ => null,
            };
            if (wrong is not null)
            {
                await Refusal.Of(context.Response.StatusCode, wrong).ExecuteAsync(context);
            }
        }
        catch (CatalogueException error) when (error.IsRefusal && !context.Response.HasStarted)
        {
            await Refusal.Of(StatusCodes.Status409Conflict, error.Message).ExecuteAsync(context);
        }
        catch (CatalogueException error) when (!context.Response.HasStarted)
        {
            Log.CatalogueFailed(_logger, error.Message);
            context.Response.Headers.RetryAfter = "5";
            await Refusal.Of(StatusCodes.Status503ServiceUnavailable, WithoutFolder(error.Message)).ExecuteAsync(context);
        }
        catch (BadHttpRequestException error) when (!context.Response.HasStarted)
        {
            await Refusal.Of(error.StatusCode, error.Message).ExecuteAsync(context);
        }
        catch (Exception error) when (error is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
        {
            // Whoever asked is gone.
        }
    }

    /// <summary>What the OpenAPI document wants to know of its host.</summary>
    private sealed class Surroundings : IHostEnvironment
    {
        public string ApplicationName { get; set; } = "Shoal";

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();

        public string ContentRootPath { get; set; } = "/";

        public string EnvironmentName { get; set; } = Environments.Production;
    }
}

/// <summary>What endpoints take and answer beside the catalogue's own types, for their description.</summary>
[JsonSerializable(typeof(SseItem<CatalogueEvent>))]
[JsonSerializable(typeof(Stream))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(int?))]
[JsonSerializable(typeof(long?))]
internal sealed partial class ParameterJson : JsonSerializerContext;
