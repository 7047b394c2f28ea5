using System.Text.Json;

namespace Shoal.Tracker.Tests.Catalogue;

public sealed class OpenApiTests
{
    [Fact]
    public async Task The_document_names_every_endpoint_and_says_what_it_is_for()
    {
        await using var server = await CatalogueServer.StartAsync();
        var answer = await server.GetAsync("/openapi.json", forwardedFor: CatalogueServer.Stranger);
        Assert.Equal("200 application/json", $"{(int)answer.Status} {answer.ContentHeaders.ContentType?.MediaType}");
        using var document = JsonDocument.Parse(answer.Body);
        Assert.StartsWith("3.", document.RootElement.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        Assert.Equal("Shoal catalogue", document.RootElement.GetProperty("info").GetProperty("title").GetString());
        var operations = document.RootElement.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => (Path: path.Name, Method: operation.Name, operation.Value)))
            .ToList();
        Assert.Equal(
            [
                "delete /api/v1/names/{name}", "get /api/v1/events", "get /api/v1/magnets/{name}", "get /api/v1/names", "get /api/v1/names/{name}",
                "get /api/v1/torrents/{name}", "get /api/v1/versions/{name}", "put /api/v1/names/{name}",
            ],
            operations.Select(operation => $"{operation.Method} {operation.Path}").Order(StringComparer.Ordinal));
        Assert.All(operations, operation => Assert.NotEmpty(operation.Value.GetProperty("summary").GetString()!));
        Assert.All(operations, operation => Assert.NotEmpty(operation.Value.GetProperty("operationId").GetString()!));
        foreach (var (path, method, operation) in operations)
        {
            var parameters = operation.TryGetProperty("parameters", out var some) ? some.EnumerateArray().Select(one => one.GetProperty("name").GetString()!).ToList() : [];
            Assert.Equal(path.Contains("{name}", StringComparison.Ordinal), parameters.Contains("name"));
            var responses = operation.GetProperty("responses");
            Assert.True(responses.TryGetProperty("200", out _), $"{method} {path} says of no success");
            var refusal = responses.GetProperty("400").GetProperty("content").GetProperty("application/json").GetProperty("schema");
            Assert.Equal("#/components/schemas/CatalogueRefusal", refusal.GetProperty("$ref").GetString());
        }

        Assert.True(operations.Single(operation => operation.Method == "put").Value.GetProperty("requestBody").GetProperty("content").TryGetProperty("application/x-bittorrent", out _));
        Assert.Equal(
            ["pattern", "sort", "limit", "after"],
            operations.Single(operation => operation.Path == "/api/v1/names").Value.GetProperty("parameters").EnumerateArray().Select(one => one.GetProperty("name").GetString()));
    }
}
