using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

public sealed class CatalogueTokensTests : IDisposable
{
    private readonly Workplace _place = new();

    private string Folder => _place.At("not yet", "there");

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_token_is_found_until_it_is_revoked_and_stands_in_no_file()
    {
        var tokens = new CatalogueTokens(Folder);
        Assert.False(tokens.Exist);
        Assert.Empty(tokens.List());
        Assert.Null(tokens.Find("shoal_x"));
        var secret = tokens.Create("ci of Jürgen", CatalogueRights.Publish | CatalogueRights.Read, "a/**");
        Assert.StartsWith(CatalogueTokens.Prefix, secret, StringComparison.Ordinal);
        var other = tokens.Create("other", CatalogueRights.All, "**");
        Assert.NotEqual(secret, other);
        Assert.Equal(["ci of Jürgen", "other"], new CatalogueTokens(Folder).List().Select(token => token.Name));
        var found = tokens.Find(secret)!;
        Assert.Equal(("ci of Jürgen", CatalogueRights.Publish | CatalogueRights.Read, "a/**"), (found.Token.Name, found.Token.Rights, found.Pattern.Text));
        Assert.Null(tokens.Find(secret + "x"));
        Assert.Null(tokens.Find(found.Token.Hash));
        Assert.Null(tokens.Find(""));
        foreach (var file in Directory.GetFiles(Folder))
        {
            Assert.DoesNotContain(secret[CatalogueTokens.Prefix.Length..], File.ReadAllText(file), StringComparison.Ordinal);
        }

        Assert.True(new CatalogueTokens(Folder).Revoke("other"));
        Assert.False(tokens.Revoke("other"));
        Assert.Null(tokens.Find(other));
        Assert.NotNull(tokens.Find(secret));
        Assert.True(tokens.Revoke("ci of Jürgen"));
        Assert.True(tokens.Exist);
        Assert.Null(tokens.Find(secret));
    }

    [Fact]
    public void Only_its_owner_reads_the_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such modes");
        new CatalogueTokens(Folder).Create("a", CatalogueRights.All, "**");
        if (!OperatingSystem.IsWindows()) // for the analyzer
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Folder, "tokens.json")));
        }
    }

    [Fact]
    public void Many_who_make_tokens_at_once_lose_none()
    {
        var secrets = new string[40];
        Parallel.For(0, secrets.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => secrets[i] = new CatalogueTokens(Folder).Create($"token {i}", CatalogueRights.All, "**"));
        var tokens = new CatalogueTokens(Folder);
        Assert.Equal(secrets.Length, tokens.List().Count);
        Assert.All(secrets, secret => Assert.NotNull(tokens.Find(secret)));
        Parallel.For(0, secrets.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => Assert.True(new CatalogueTokens(Folder).Revoke($"token {i}")));
        Assert.Empty(tokens.List());
    }

    [Fact]
    public void What_is_no_name_or_pattern_is_refused()
    {
        var tokens = new CatalogueTokens(Folder);
        Assert.Throws<ArgumentException>(() => tokens.Create("", CatalogueRights.All, "**"));
        Assert.Throws<ArgumentException>(() => tokens.Create("a\nb", CatalogueRights.All, "**"));
        Assert.Throws<ArgumentException>(() => tokens.Create(new string('a', CatalogueTokens.MaximumNameLength + 1), CatalogueRights.All, "**"));
        Assert.Throws<ArgumentException>(() => tokens.Create("a", CatalogueRights.All, "["));
        tokens.Create("a", CatalogueRights.All, "**");
        Assert.Equal("there is a token 'a' already", Assert.Throws<CatalogueException>(() => tokens.Create("a", CatalogueRights.Read, "b")).Message);
        Assert.Single(tokens.List());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("[null]")]
    [InlineData("[{}]")]
    [InlineData("[{\"name\":\"a\",\"hash\":null,\"rights\":\"All\",\"pattern\":\"**\",\"createdAt\":\"2026-01-01T00:00:00Z\"}]")]
    [InlineData("[{\"name\":\"a\",\"hash\":\"00\",\"rights\":\"All\",\"pattern\":null,\"createdAt\":\"2026-01-01T00:00:00Z\"}]")]
    public void A_file_that_somebody_broke_is_one_clear_line(string content)
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, "tokens.json"), content);
        var tokens = new CatalogueTokens(Folder);
        foreach (var error in new[] { Assert.Throws<CatalogueException>(() => tokens.Find("shoal_x")), Assert.Throws<CatalogueException>(tokens.List) })
        {
            Assert.StartsWith($"cannot read the tokens in '{Path.Combine(Folder, "tokens.json")}': ", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    [Fact]
    public void Tokens_that_stand_in_the_file_twice_harm_nobody()
    {
        var tokens = new CatalogueTokens(Folder);
        var secret = tokens.Create("a", CatalogueRights.All, "**");
        var file = Path.Combine(Folder, "tokens.json");
        var text = File.ReadAllText(file).Trim();
        File.WriteAllText(file, $"[{text[1..^1]},{text[1..^1]}]");
        Assert.NotNull(new CatalogueTokens(Folder).Find(secret));
    }
}
