using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Shoal.Protocol.Catalogue;

namespace Shoal.Tracker.Catalogue;

/// <summary>An answer that says why not: a status, and a <see cref="CatalogueRefusal"/> as JSON.</summary>
internal sealed class Refusal : IResult, IEndpointMetadataProvider, IStatusCodeHttpResult
{
    private static readonly int[] Statuses =
    [
        StatusCodes.Status400BadRequest, StatusCodes.Status401Unauthorized, StatusCodes.Status403Forbidden, StatusCodes.Status404NotFound,
        StatusCodes.Status409Conflict, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status429TooManyRequests, StatusCodes.Status503ServiceUnavailable,
    ];

    private readonly CatalogueRefusal _body;

    private Refusal(int status, string reason)
    {
        StatusCode = status;
        _body = new CatalogueRefusal(reason);
    }

    public int? StatusCode { get; }

    public static Refusal Of(int status, string reason) => new(status, reason);

    public static Refusal Of(CatalogueDenial denial) => new(denial.Status, denial.Reason);

    /// <summary>What the OpenAPI document says of it.</summary>
    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder)
    {
        foreach (var status in Statuses)
        {
            builder.Metadata.Add(new ProducesResponseTypeMetadata(status, typeof(CatalogueRefusal), ["application/json"]));
        }
    }

    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCode!.Value;
        if (StatusCode == StatusCodes.Status401Unauthorized)
        {
            httpContext.Response.Headers.WWWAuthenticate = "Bearer";
        }

        var body = JsonSerializer.SerializeToUtf8Bytes(_body, CatalogueJson.Default.CatalogueRefusal);
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        httpContext.Response.ContentLength = body.Length;
        return httpContext.Response.Body.WriteAsync(body, httpContext.RequestAborted).AsTask();
    }
}
