// Shares a file or folder without any tracker: Share PATH
// The link names this machine as the one peer to begin with.
using System.Net;
using Shoal;
using Shoal.Protocol.Metadata;

using var torrent = await NewTorrent.HashAsync(args[0]);
await using var client = await ShoalClient.StartAsync(new ShoalOptions { BindAddress = IPAddress.Loopback });
await client.ShareAsync(torrent);
Console.WriteLine(new MagnetLink
{
    InfoHash = torrent.Metainfo.InfoHash,
    Name = torrent.Metainfo.Name,
    Peers = [new MagnetPeer(client.EndPoint.Address.ToString(), (ushort)client.EndPoint.Port)],
});
Console.WriteLine("Sharing until Enter is pressed.");
Console.ReadLine();
