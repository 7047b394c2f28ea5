using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// What goes between Shoal and a client that nobody here wrote, one at a time; the two who inherit say which of the
/// two sends. Every case ends with the sha256 of what arrived and the foreign client's own counters.
/// </summary>
public abstract class TransferTests
{
    private const int PieceLength = 256 * 1024;

    [Theory]
    [InlineData(Client.Libtorrent, By.Torrent, Way.Direct)]
    [InlineData(Client.Libtorrent, By.Magnet, Way.Direct)]
    [InlineData(Client.Libtorrent, By.Magnet, Way.OurHttp)]
    [InlineData(Client.Libtorrent, By.Magnet, Way.OurUdp)]
    [InlineData(Client.Libtorrent, By.Torrent, Way.OpentrackerUdp)]
    [InlineData(Client.Aria2, By.Torrent, Way.Direct)]
    [InlineData(Client.Aria2, By.Magnet, Way.Direct)]
    [InlineData(Client.Aria2, By.Magnet, Way.OurHttp)]
    [InlineData(Client.Aria2, By.Torrent, Way.OurUdp)]
    [InlineData(Client.Aria2, By.Torrent, Way.OpentrackerHttp)]
    [InlineData(Client.Aria2, By.Magnet, Way.OpentrackerUdp)]
    [InlineData(Client.Transmission, By.Magnet, Way.Direct)]
    [InlineData(Client.Transmission, By.Torrent, Way.OurUdp)]
    [InlineData(Client.Transmission, By.Magnet, Way.OpentrackerHttp)]
    public async Task A_file_arrives_whole(Client client, By by, Way way)
    {
        Need.Installed(client);
        Need.Installed(way);
        // aria2 asks UDP trackers only where it can reach nobody but them.
        var alone = client == Client.Aria2 && way is Way.OurUdp or Way.OpentrackerUdp;
        if (alone)
        {
            Need.PrivateNetwork();
        }

        await using var scenario = new Scenario(alone: alone);
        await scenario.RunAsync(() => MoveAsync(
            scenario, client, by, way, Payload.Write(Path.Combine(scenario.Source, "a file.bin"), client.PayloadLength()), PieceLength));
    }

    [Theory]
    [InlineData(Client.Libtorrent)]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task A_folder_with_nested_empty_and_odd_named_files_arrives_whole(Client client)
    {
        Need.Installed(client);
        await using var scenario = new Scenario();
        await scenario.RunAsync(() => MoveAsync(
            scenario, client, By.Torrent, Way.Direct,
            Payload.WriteFolder(Path.Combine(scenario.Source, "odd things"), client.PayloadLength()), PieceLength));
    }

    [Theory]
    [InlineData(Client.Libtorrent)]
    [InlineData(Client.Aria2)]
    [InlineData(Client.Transmission)]
    public async Task Files_of_one_byte_and_about_a_piece_arrive_whole(Client client)
    {
        Need.Installed(client);
        // All at once, for Transmission waits a dozen seconds before it asks for the first byte.
        long[] lengths = [1, PieceLength - 1, PieceLength, PieceLength + 1];
        await Task.WhenAll(lengths.Select(async length =>
        {
            await using var scenario = new Scenario();
            await scenario.RunAsync(() => MoveAsync(
                scenario, client, By.Torrent, Way.Direct,
                Payload.Write(Path.Combine(scenario.Source, $"{length} bytes"), length), PieceLength));
        }));
    }

    /// <summary>Moves <paramref name="source"/> and asserts that it arrived and that the client counted it.</summary>
    private protected abstract Task MoveAsync(
        Scenario scenario, Client client, By by, Way way, string source, int pieceLength);
}
