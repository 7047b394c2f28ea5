using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shoal.Cli;

/// <summary>
/// What a user need not type each time: <c>config.json</c> in <c>$XDG_CONFIG_HOME/shoal</c>, else <c>~/.config/shoal</c>. What it says
/// that we do not know is an error: a misspelt setting is none.
/// </summary>
internal sealed record ConfigFile
{
    private const int MaximumLength = 64 * 1024;
    private const string NoObject = "this must be an object, as { \"at\": \"HOST:PORT\" }";

    /// <summary>The catalogue: HOST:PORT or a URL.</summary>
    public string? At { get; init; }

    /// <summary>The token for it.</summary>
    public string? Token { get; init; }

    /// <summary>Where it is.</summary>
    public static string Path => System.IO.Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } folder
            ? folder : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"),
        "shoal", "config.json");

    /// <summary>Reads it; nothing is set where there is none.</summary>
    public static ConfigFile Read()
    {
        try
        {
            var file = new FileInfo(Path);
            return !file.Exists ? new ConfigFile()
                : file.Length > MaximumLength ? throw new UserErrorException($"{Path} has more than {MaximumLength} bytes")
                : JsonSerializer.Deserialize(File.ReadAllBytes(Path), ConfigJson.Default.ConfigFile) ?? throw new UserErrorException($"{Path}: {NoObject}");
        }
        catch (JsonException error)
        {
            var wrong = WhatIsWrong(error);
            throw new UserErrorException($"{Path}{(error.LineNumber is { } line && wrong != NoObject ? $", line {line + 1}" : "")}: {wrong}", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"cannot read '{Path}': {error.Message}", ExitCode.Environment, error);
        }
    }

    // The serializer's sentence names a class of ours and a path, which say nothing to the user.
    private static string WhatIsWrong(JsonException error)
    {
        var path = error.Path is { Length: > 2 } inside ? $"\"{inside[2..]}\" " : "";
        return error.Path == "$" && error.Message.Contains("could not be converted", StringComparison.Ordinal) ? NoObject
            : error.Message.Contains("could not be mapped", StringComparison.Ordinal) ? $"{path}is no setting; there are \"at\" and \"token\""
            : error.Message.Contains("could not be converted", StringComparison.Ordinal) ? $"{path}is not a text in quotes"
            : "this is no JSON";
    }
}

/// <summary>How the config file is read.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)]
[JsonSerializable(typeof(ConfigFile))]
internal sealed partial class ConfigJson : JsonSerializerContext;
