using System.Security.Cryptography;
using System.Text;

namespace Shoal.Interop.Foreign;

/// <summary>
/// A v1 <c>.torrent</c> written by a few lines that share nothing with the code under test (BEP 3),
/// so that a mistake in both reader and writer of ours cannot cancel out.
/// </summary>
internal sealed class TestTorrent
{
    private readonly byte[] _info;

    private TestTorrent(string file, byte[] info, string name, long length)
    {
        File = file;
        _info = info;
        Name = name;
        Length = length;
    }

    public string File { get; }

    /// <summary>40 hexadecimal digits.</summary>
#pragma warning disable CA5350 // BitTorrent v1 is SHA-1
    public string InfoHash => Convert.ToHexStringLower(SHA1.HashData(_info));
#pragma warning restore CA5350

    public string Name { get; }

    /// <summary>Of the payload, in bytes.</summary>
    public long Length { get; }

    /// <summary>A link with the info-hash, the name and the given trackers and peers.</summary>
    public string Magnet(IEnumerable<string>? trackers = null, IEnumerable<int>? peerPorts = null)
    {
        var link = new StringBuilder($"magnet:?xt=urn:btih:{InfoHash}&dn={Uri.EscapeDataString(Name)}");
        foreach (var tracker in trackers ?? [])
        {
            link.Append("&tr=").Append(Uri.EscapeDataString(tracker));
        }

        foreach (var port in peerPorts ?? [])
        {
            link.Append("&x.pe=127.0.0.1:").Append(port);
        }

        return link.ToString();
    }

    /// <summary>Hashes <paramref name="path"/> (a file or a folder) and writes <paramref name="torrentFile"/>.</summary>
    public static TestTorrent Create(string path, string torrentFile, int pieceLength = 256 * 1024, params string[] trackers)
    {
        var name = Path.GetFileName(path);
        var isFolder = Directory.Exists(path);
        var files = isFolder
            ? Directory.GetFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray()
            : [path];
        var info = new BencodeText();
        info.Raw("d");
        if (isFolder)
        {
            info.Text("files").Raw("l");
            foreach (var file in files)
            {
                info.Raw("d").Text("length").Number(new FileInfo(file).Length).Text("path").Raw("l");
                foreach (var part in Path.GetRelativePath(path, file).Split(Path.DirectorySeparatorChar))
                {
                    info.Text(part);
                }

                info.Raw("ee");
            }

            info.Raw("e");
        }
        else
        {
            info.Text("length").Number(new FileInfo(path).Length);
        }

        info.Text("name").Text(name).Text("piece length").Number(pieceLength)
            .Text("pieces").Bytes(HashPieces(files, pieceLength)).Raw("e");
        var length = files.Sum(static file => new FileInfo(file).Length);
        return new TestTorrent(torrentFile, info.ToArray(), name, length).AnnouncedTo(trackers);
    }

    /// <summary>Takes the info dictionary out of a <c>.torrent</c> that somebody else wrote for <paramref name="path"/>.</summary>
    public static TestTorrent Load(string torrentFile, string path)
    {
        var bytes = System.IO.File.ReadAllBytes(torrentFile);
        var key = "4:infod"u8;
        var start = bytes.AsSpan().IndexOf(key);
        if (start < 0 || bytes.AsSpan().IndexOf("8:url-list"u8) >= 0)
        {
            throw new InvalidOperationException($"{torrentFile}: no info dictionary at its end");
        }

        // Keys are sorted, so "info" is the last one of those that are written here.
        var info = bytes[(start + key.Length - 1)..^1];
        var length = Directory.Exists(path)
            ? Directory.GetFiles(path, "*", SearchOption.AllDirectories).Sum(static file => new FileInfo(file).Length)
            : new FileInfo(path).Length;
        return new(torrentFile, info, Path.GetFileName(path), length);
    }

    /// <summary>The same torrent, its file written again with these trackers, a tier each.</summary>
    public TestTorrent AnnouncedTo(params string[] trackers)
    {
        var torrent = new BencodeText();
        torrent.Raw("d");
        if (trackers.Length > 0)
        {
            torrent.Text("announce").Text(trackers[0]).Text("announce-list").Raw("l");
            foreach (var tracker in trackers)
            {
                torrent.Raw("l").Text(tracker).Raw("e");
            }

            torrent.Raw("e");
        }

        System.IO.File.WriteAllBytes(File, torrent.Text("info").Raw(_info).Raw("e").ToArray());
        return this;
    }

    private static byte[] HashPieces(IReadOnlyList<string> files, int pieceLength)
    {
        var hashes = new MemoryStream();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        var buffer = new byte[Math.Min(pieceLength, 1 << 20)];
        var filled = 0;
        foreach (var file in files)
        {
            using var stream = System.IO.File.OpenRead(file);
            int read;
            while ((read = stream.Read(buffer, 0, Math.Min(buffer.Length, pieceLength - filled))) > 0)
            {
                hash.AppendData(buffer, 0, read);
                filled += read;
                if (filled == pieceLength)
                {
                    hashes.Write(hash.GetHashAndReset());
                    filled = 0;
                }
            }
        }

        if (filled > 0)
        {
            hashes.Write(hash.GetHashAndReset());
        }

        return hashes.ToArray();
    }

    private sealed class BencodeText
    {
        private readonly MemoryStream _bytes = new();

        public BencodeText Raw(string ascii) => Raw(Encoding.ASCII.GetBytes(ascii));

        public BencodeText Raw(ReadOnlySpan<byte> bytes)
        {
            _bytes.Write(bytes);
            return this;
        }

        public BencodeText Number(long value) => Raw($"i{value}e");

        public BencodeText Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

        public BencodeText Bytes(ReadOnlySpan<byte> bytes) => Raw($"{bytes.Length}:").Raw(bytes);

        public byte[] ToArray() => _bytes.ToArray();
    }
}
