using System.Text;
using Shoal.Interop.Foreign;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Trackers;
using Shoal.Tracker.Catalogue;

namespace Shoal.Tracker.Tests.Catalogue;

/// <summary>Who may announce what a catalogue names, where that is for members only.</summary>
public sealed class MembersTests
{
    private const string Stranger = CatalogueServer.Stranger;

    [Fact]
    public async Task A_holder_of_a_token_announces_where_his_torrent_says_and_others_are_refused()
    {
        await using var server = await CatalogueServer.StartAsync(options => options with { IsMembersOnly = true });
        var token = server.Tokens.Create("team", CatalogueRights.Read, "models/**");
        await server.PublishAsync("models/x", "content");
        var torrent = await server.GetAsync("/api/v1/torrents/models/x", token, Stranger);
        Assert.True(MetainfoReader.TryRead(torrent.Body, out var metainfo, out var error), error);
        var (member, plain) = (metainfo.Trackers[0][0], server.Url("/announce").ToString());
        Assert.Equal(server.Url($"/{Passkey.OfToken(token)}/announce").ToString(), member);
        Assert.Contains(Uri.EscapeDataString(member), (await server.GetAsync("/api/v1/magnets/models/x", token, Stranger)).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(token, member, StringComparison.Ordinal);

        foreach (var isKept in new[] { true, false }) // a connection that is kept, or not, which others answer
        {
            await RefusedAsync(plain);
            await RefusedAsync(server.Url($"/{Passkey.OfToken("another")}/announce").ToString());
            Assert.DoesNotContain("failure reason", await AnnounceAsync(member, metainfo.InfoHash, Stranger, isKept), StringComparison.Ordinal);
            Assert.DoesNotContain("failure reason", await AnnounceAsync(plain, metainfo.InfoHash, null, isKept), StringComparison.Ordinal); // from here
            Assert.DoesNotContain("failure reason", await AnnounceAsync(plain, Announces.SomeInfoHash(), Stranger, isKept), StringComparison.Ordinal); // nobody's

            async Task RefusedAsync(string url) =>
                Assert.Contains("this torrent is for members", await AnnounceAsync(url, metainfo.InfoHash, Stranger, isKept), StringComparison.Ordinal);
        }

        // What the token is not for, its passkey is not for; and a revoked one is worth nothing.
        var other = (await server.PublishAsync("data/y", "other content")).Entry.InfoHash;
        Assert.Contains("members", await AnnounceAsync(member, other, Stranger, isKept: true), StringComparison.Ordinal);
        await server.PublishAsync("models/y", "other content"); // the same torrent, under a name that it is for, lets nobody in
        Assert.Contains("members", await AnnounceAsync(member, other, Stranger, isKept: true), StringComparison.Ordinal);
        await server.RemoveAsync("data/y");
        Assert.DoesNotContain("members", await AnnounceAsync(member, other, Stranger, isKept: true), StringComparison.Ordinal);
        var remover = server.Tokens.Create("remover", CatalogueRights.Remove, "**");
        Assert.Contains("members", await AnnounceAsync(server.Url($"/{Passkey.OfToken(remover)}/announce").ToString(), other, Stranger, isKept: true), StringComparison.Ordinal);
        server.Tokens.Revoke("team");
        Assert.Contains("members", await AnnounceAsync(member, other, Stranger, isKept: true), StringComparison.Ordinal);

        // What the catalogue names no more is everybody's.
        await server.RemoveAsync("models/x");
        Assert.DoesNotContain("members", await AnnounceAsync(plain, metainfo.InfoHash, Stranger, isKept: true), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_all_may_announce_a_passkey_is_of_no_account()
    {
        await using var server = await CatalogueServer.StartAsync();
        var infoHash = (await server.PublishAsync("x", "content")).Entry.InfoHash;
        var url = server.Url($"/{Passkey.OfToken("any")}/announce").ToString();
        Assert.DoesNotContain("failure reason", await AnnounceAsync(url, infoHash, Stranger, isKept: true), StringComparison.Ordinal);
        Assert.Contains("8:completei0e", Encoding.Latin1.GetString(
            (await server.GetAsync($"/{Passkey.OfToken("any")}/scrape?info_hash={TrackerProbe.Escape(infoHash.ToString())}")).Body), StringComparison.Ordinal);
    }

    private static async Task<string> AnnounceAsync(string url, InfoHash infoHash, string? forwardedFor, bool isKept)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, HttpTrackerQuery.AppendAnnounce(url, Announces.From(infoHash, 1001)));
        request.Headers.ConnectionClose = !isKept;
        if (forwardedFor is not null)
        {
            request.Headers.Add("X-Forwarded-For", forwardedFor);
        }

        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return Encoding.Latin1.GetString(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }
}
