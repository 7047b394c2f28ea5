using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Simulation.Fuzzing.Secrets;

/// <summary>
/// Makes secret shares, whole and wrong ones, by the page that describes them (docs/secret-shares.md) and not by the code that is tried. Not thread-safe.
/// </summary>
internal sealed class SecretMaker(Prng prng)
{
    private const byte Version = 1;
    private const int TagLength = 16;

    private static readonly string[] Names = ["a", "b.txt", "größe 🐟", "con", "x:y", ".", "..", "", "a/b", "a\\b", "a\0b", "\u202e", "~", ".pad"];

    /// <summary>A key.</summary>
    public byte[] Key() => Mangle.Noise(SecretKey.Length, prng);

    /// <summary>A way to cut what is sealed: a few small pieces, the last one long enough.</summary>
    public PieceLayout Layout()
    {
        var pieceLength = TagLength + 1 + prng.Next(500);
        return new PieceLayout(((long)prng.Next(20) * pieceLength) + TagLength + 1 + prng.Next(pieceLength - TagLength), pieceLength);
    }

    /// <summary>A header within all rules, whose files fill no more than so many bytes.</summary>
    public SecretHeader Header(long most)
    {
        List<ContentFile> files = [];
        var offset = 0L;
        for (var i = prng.Next(12); i > 0; i--)
        {
            var length = (long)(prng.NextUInt64() % (ulong)(most - offset + 1));
            files.Add(new ContentFile($"d{i % 3}/f{i}", length, offset, prng.Next(4) == 0 ? ContentAttributes.Executable : ContentAttributes.None));
            offset += length;
        }

        return files.Count > 0 ? new SecretHeader("folder", true, files) : new SecretHeader("file", false, [new ContentFile("file", most, 0)]);
    }

    /// <summary>The plaintext of a header that somebody made who has the key and means ill.</summary>
    public byte[] WrongHeader(SecretHeader right)
    {
        switch (prng.Next(5))
        {
            case 0:
                return Mangle.Any(right.Encode(), prng);
            case 1:
                return Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(prng.Next(2) == 0 ? "l" : "d1:a", 1 + prng.Next(5000))));
            case 2:
                return Encoding.UTF8.GetBytes($"d6:lengthi{prng.NextUInt64() >> prng.Next(64)}e4:name{Quoted(Name())}e\0\0");
            default:
                var files = new StringBuilder();
                for (var i = prng.Next(prng.Next(10) == 0 ? 2000 : 10); i > 0; i--)
                {
                    var length = prng.Next(3) == 0 ? long.MaxValue - prng.Next(3) : prng.Next(30);
                    files.Append($"d6:lengthi{length}e4:pathl{string.Concat(Enumerable.Range(0, prng.Next(4)).Select(_ => Quoted(Name())))}ee");
                }

                return Encoding.UTF8.GetBytes($"d5:filesl{files}e4:name{Quoted(Name())}e{new string('\0', prng.Next(20))}");
        }
    }

    /// <summary>The header's plaintext, sealed for a torrent that is cut so.</summary>
    public static byte[] Seal(ReadOnlySpan<byte> plain, byte[] key, PieceLayout layout)
    {
        var headerKey = HKDF.DeriveKey(HashAlgorithmName.SHA256, key, SecretKey.Length, salt: [], info: "shoal secret 1 header"u8.ToArray());
        var bound = new byte[1 + sizeof(long) + sizeof(int)];
        bound[0] = Version;
        BinaryPrimitives.WriteInt64BigEndian(bound.AsSpan(1), layout.TotalLength);
        BinaryPrimitives.WriteInt32BigEndian(bound.AsSpan(1 + sizeof(long)), layout.PieceLength);
        var bytes = new byte[1 + plain.Length + TagLength];
        bytes[0] = Version;
        using var cipher = new AesGcm(headerKey, TagLength);
        cipher.Encrypt(new byte[12], plain, bytes.AsSpan(1, plain.Length), bytes.AsSpan(1 + plain.Length), bound);
        return bytes;
    }

    /// <summary>A torrent of noise that is cut so, with that sealed header; null if none may be so.</summary>
    public Metainfo? Torrent(ReadOnlyMemory<byte> sealedHeader, PieceLayout layout) => new MetainfoBuilder
    {
        Name = "sealed-00000000",
        IsFolder = false,
        Files = [new NewFile("", layout.TotalLength)],
        PieceLength = layout.PieceLength,
        PieceHashes = Mangle.Noise(layout.PieceCount * PieceHash.Sha1Length, prng),
        SealedHeader = sealedHeader,
    }.TryBuild(out var torrent, out _) ? torrent : null;

    private string Name() => prng.Next(20) == 0 ? new string('n', prng.Next(5000)) : Names[prng.Next(Names.Length)];

    private static string Quoted(string name) => $"{Encoding.UTF8.GetByteCount(name)}:{name}";
}
