using System.Buffers.Text;
using System.Text;
using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// Secret shares: clients that nobody here wrote carry them without being able to read them, and who listens to all the traffic finds
/// neither a name nor content nor the key in it.
/// </summary>
public sealed class SecretShareTests
{
    [Theory]
    [InlineData(Client.Libtorrent)]
    [InlineData(Client.Aria2)]
    public async Task A_client_carries_a_secret_share_by_its_magnet_link_and_then_seeds_it_alone_to_who_has_the_key(Client client)
    {
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(async () =>
        {
            var source = Payload.WriteFolder(Path.Combine(scenario.Source, "a diary"), 4 * Payload.MiB);
            var carrier = await scenario.StartAsync(client);
            var carried = scenario.Scratch.Folder("carried");
            var (share, magnet, link) = await ShoalProcess.ShareSecretAsync(source, scenario.Scratch.Path, scenario.Cancellation);
            scenario.Join(share);
            await CarryAsync(carrier, magnet, carried, scenario.Cancellation);
            await share.KillAsync(scenario.Cancellation);
            AssertUnreadable(CarriedIn(carried), source, link);

            var target = scenario.Scratch.Folder("target");
            await scenario.Join(ShoalProcess.Get(link, target, [carrier.Port])).SucceedAsync(scenario.Cancellation);
            Scenario.AssertSame(source, Path.Combine(target, "a diary"));
        });
    }

    /// <summary>Transmission tells peers apart by address alone: who comes from where a seeder was is one to it, and is sent away.</summary>
    [Fact]
    public async Task Transmission_does_so_for_one_that_has_an_address_of_his_own()
    {
        Need.Lan();
        Need.Installed(Client.Transmission);
        await using var scenario = new Scenario();
        using var lan = new Lan(3, LanFamilies.IPv4);
        await scenario.RunAsync(async () =>
        {
            var source = Payload.WriteFolder(Path.Combine(scenario.Source, "a diary"), 4 * Payload.MiB);
            var share = scenario.Join(await ShoalProcess.OnAsync(lan.Hosts[0], scenario.Scratch.Folder("share"), "share", "--secret", source, "--no-discovery"));
            await share.SeedingAsync(scenario.Cancellation);
            var shared = await share.EventAsync("torrent", scenario.Cancellation);
            var (magnet, link) = (shared["magnet"]!.GetValue<string>(), shared["link"]!.GetValue<string>());
            var carrier = scenario.Join(await TransmissionPeer.OnAsync(lan.Hosts[1], scenario.Cancellation));
            var carried = scenario.Scratch.Folder("carried");
            await CarryAsync(carrier, magnet, carried, scenario.Cancellation);
            await share.KillAsync(scenario.Cancellation);
            AssertUnreadable(CarriedIn(carried), source, link);

            var target = scenario.Scratch.Folder("target");
            var get = scenario.Join(await ShoalProcess.OnAsync(
                lan.Hosts[2], scenario.Scratch.Path, "get", link, "--to", target, "--no-discovery", "--peer", $"{lan.Hosts[1].IPv4}:{carrier.Port}"));
            await get.SucceedAsync(scenario.Cancellation);
            Scenario.AssertSame(source, Path.Combine(target, "a diary"));
        });
    }

    [Theory]
    [InlineData(false)] // so that it is known that the tap hears
    [InlineData(true)]
    public async Task Who_hears_all_the_traffic_of_a_secret_share_finds_neither_name_nor_content_nor_key_in_it(bool isSecret)
    {
        Need.PrivateNetwork();
        await using var scenario = new Scenario(alone: true);
        await scenario.RunAsync(async () =>
        {
            using var tap = new Wiretap();
            string[] inTheClear = ["--encryption", "off"]; // what hides it shall be the share and not the protocol
            var source = Payload.WriteFolder(Path.Combine(scenario.Source, "a very private diary"), Payload.MiB);
            var (share, magnet, link) = isSecret
                ? await ShoalProcess.ShareSecretAsync(source, scenario.Scratch.Path, scenario.Cancellation, inTheClear)
                : With(await ShoalProcess.ShareAsync(source, scenario.Scratch.Path, scenario.Cancellation, inTheClear));
            scenario.Join(share);
            var first = scenario.Scratch.Folder("first");
            var seeding = scenario.Join(ShoalProcess.Get(link, first, [], ["--seed", .. inTheClear]));
            await seeding.CompleteAsync(scenario.Cancellation);
            var carried = scenario.Scratch.Folder("carried");
            await scenario.Join(ShoalProcess.Get(magnet, carried, [seeding.Port], inTheClear)).SucceedAsync(scenario.Cancellation);
            Scenario.AssertSame(source, Path.Combine(first, "a very private diary"));

            var heard = tap.Stop();
            Assert.InRange(heard.Length, 4 * Payload.MiB, int.MaxValue); // there and back again
            Assert.True(heard.AsSpan().IndexOf("/announce?info_hash="u8) >= 0, "no announce was heard");
            if (isSecret)
            {
                AssertUnreadable(heard, source, link);
            }
            else
            {
                var found = FindAll(heard, Clues(source));
                Assert.Contains("the name 'a very private diary'", found);
                Assert.Contains("the name 'quote's & 100% [x] #1 +~.bin'", found);
                Assert.InRange(found.Count(clue => clue.StartsWith("content of big.bin", StringComparison.Ordinal)), 250, 256);
            }
        });
    }

    private static async Task CarryAsync(IForeignPeer carrier, string magnet, string folder, CancellationToken cancellation)
    {
        await carrier.LeechAsync(TorrentGiven.OfMagnet(magnet), folder, cancellation);
        await carrier.WaitUntilCompleteAsync(cancellation);
    }

    private static byte[] CarriedIn(string folder)
    {
        var file = Assert.Single(Directory.GetFiles(folder));
        Assert.StartsWith("sealed-", Path.GetFileName(file), StringComparison.Ordinal);
        return File.ReadAllBytes(file);
    }

    private static (ShoalProcess, string Magnet, string Link) With((ShoalProcess Process, string Magnet) share) => (share.Process, share.Magnet, share.Magnet);

    private static void AssertUnreadable(byte[] heard, string source, string link)
    {
        var key = link[(link.IndexOf("key=", StringComparison.Ordinal) + 4)..];
        Assert.Equal(43, key.Length);
        var bytes = Base64Url.DecodeFromChars(key);
        Assert.Empty(FindAll(
            heard,
            [
                .. Clues(source), ("the key", bytes), ("the key as it stands in the link", Encoding.ASCII.GetBytes(key)),
                ("the key in hexadecimal", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(bytes))), ("a shoal: link", "shoal:?"u8.ToArray()),
            ]));
    }

    private static List<string> FindAll(byte[] heard, IEnumerable<(string What, byte[] Bytes)> clues) =>
        [.. clues.AsParallel().Where(clue => heard.AsSpan().IndexOf(clue.Bytes) >= 0).Select(clue => clue.What)];

    // Every name that is long enough not to come about by chance, as it is and as URLs have it; sixteen bytes of each 4 KiB of every file.
    private static IEnumerable<(string What, byte[] Bytes)> Clues(string source)
    {
        foreach (var path in Directory.GetFileSystemEntries(source, "*", SearchOption.AllDirectories).Append(source))
        {
            var name = Path.GetFileName(path);
            if (name.Length > 5)
            {
                yield return ($"the name '{name}'", Encoding.UTF8.GetBytes(name));
                yield return ($"the name '{name}' in a URL", Encoding.UTF8.GetBytes(Uri.EscapeDataString(name)));
            }

            var content = File.Exists(path) ? File.ReadAllBytes(path) : [];
            for (var offset = 0; offset + 16 <= content.Length; offset += 4096)
            {
                yield return ($"content of {name} at {offset}", content[offset..(offset + 16)]);
            }
        }
    }
}
