using System.Buffers;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Metadata;

/// <summary>Writes .torrent files (BEP 3, 5, 12, 19). The info dictionary goes out byte for byte, so the info-hash stays.</summary>
public static class MetainfoWriter
{
    /// <summary>Writes the .torrent.</summary>
    public static void Write(Metainfo metainfo, IBufferWriter<byte> output)
    {
        var writer = new BencodeWriter(output);
        writer.BeginDictionary();
        WriteTrackers(writer, metainfo.Trackers);
        if (metainfo.Comment is { } comment)
        {
            writer.WriteKey("comment"u8);
            writer.WriteText(comment);
        }

        if (metainfo.CreatedBy is { } createdBy)
        {
            writer.WriteKey("created by"u8);
            writer.WriteText(createdBy);
        }

        if (metainfo.CreationDate is { } date)
        {
            writer.WriteKey("creation date"u8);
            writer.WriteInteger(date.ToUnixTimeSeconds());
        }

        writer.WriteKey("info"u8);
        writer.WriteRaw(metainfo.InfoBytes.Span);
        WriteNodes(writer, metainfo.Nodes);
        if (metainfo.WebSeeds.Count > 0)
        {
            writer.WriteKey("url-list"u8);
            WriteUrls(writer, metainfo.WebSeeds);
        }

        if (!metainfo.MayUseDht)
        {
            writer.WriteKey("x.dht"u8);
            writer.WriteText("off");
        }

        writer.End();
    }

    /// <summary>The .torrent in a new array.</summary>
    public static byte[] ToArray(Metainfo metainfo)
    {
        var output = new ArrayBufferWriter<byte>(metainfo.InfoBytes.Length + 1024);
        Write(metainfo, output);
        return output.WrittenSpan.ToArray();
    }

    // Old clients read only announce; announce-list is left out where it would say no more.
    private static void WriteTrackers(BencodeWriter writer, IReadOnlyList<IReadOnlyList<string>> tiers)
    {
        if (tiers.Count == 0)
        {
            return;
        }

        writer.WriteKey("announce"u8);
        writer.WriteText(tiers[0][0]);
        if (tiers.Count == 1 && tiers[0].Count == 1)
        {
            return;
        }

        writer.WriteKey("announce-list"u8);
        writer.BeginList();
        foreach (var tier in tiers)
        {
            WriteUrls(writer, tier);
        }

        writer.End();
    }

    private static void WriteNodes(BencodeWriter writer, IReadOnlyList<MagnetPeer> nodes)
    {
        if (nodes.Count == 0)
        {
            return;
        }

        writer.WriteKey("nodes"u8);
        writer.BeginList();
        foreach (var node in nodes)
        {
            writer.BeginList();
            writer.WriteText(node.Host);
            writer.WriteInteger(node.Port);
            writer.End();
        }

        writer.End();
    }

    private static void WriteUrls(BencodeWriter writer, IReadOnlyList<string> urls)
    {
        writer.BeginList();
        foreach (var url in urls)
        {
            writer.WriteText(url);
        }

        writer.End();
    }
}
