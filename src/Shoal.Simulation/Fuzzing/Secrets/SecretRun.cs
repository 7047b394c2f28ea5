using System.Text;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Secrets;

namespace Shoal.Simulation.Fuzzing.Secrets;

/// <summary>
/// Hands somebody who has a link metadata that were changed on the way, put together of others, or made wrong by who has the key: nothing but the very header
/// that was sealed for that torrent is opened, what is in it is safe, and neither takes more memory than a multiple of its length.
/// </summary>
internal sealed class SecretRun
{
    private const int MostErrorLetters = 1000;

    /// <summary>Bytes that reading may take: so many, and so many for each byte of metadata.</summary>
    private const long MostBytes = 512 * 1024;

    private const long MostBytesPerByte = 64;

    /// <summary>Of so many that are too long, one is longer than any header may be, which takes a while.</summary>
    private const int HugeOneOf = 100;

    private static readonly int KindCount = Enum.GetValues<Kind>().Length;

    private readonly SecretCase _case;
    private readonly ISecretDoor _door;
    private readonly Agenda _agenda = new();
    private int _number;
    private Kind _kind;
    private int _openedCount;

    private SecretRun(SecretCase fuzzCase, ISecretDoor door) => (_case, _door) = (fuzzCase, door);

    private enum Kind
    {
        Right,
        Damaged,
        Cut,
        Longer,
        OtherKey,
        OtherTorrent,
        DamagedMetadata,
        MadeWrong,
        Pieces,
    }

    /// <param name="fuzzCase">What to run.</param>
    /// <param name="door">What opens shares; null for the production code.</param>
    public static SecretOutcome Run(SecretCase fuzzCase, ISecretDoor? door = null)
    {
        var run = new SecretRun(fuzzCase, door ?? new SecretDoor());
        var failure = Verdict.Of(run.Play, () => $"metadata {run._number} ({run._kind})");
        return new SecretOutcome(fuzzCase, failure, run._agenda.Hash, run._agenda.Count, run._openedCount);
    }

    private string? Play()
    {
        for (var i = 0; i < _case.Plan.Count; i++)
        {
            var number = _case.Plan.First + i;
            _agenda.At(Instant.Zero + TimeSpan.FromSeconds(i), () => Try(number));
        }

        _agenda.RunUntil(Instant.Never);
        return null;
    }

    private void Try(int number)
    {
        var prng = new Prng(_case.Seed ^ ((ulong)number << 32) ^ 0x736563);
        (_number, _kind) = (number, (Kind)prng.Next(KindCount));
        var maker = new SecretMaker(prng);
        var (key, layout) = (maker.Key(), maker.Layout());
        var header = maker.Header(layout.TotalLength - (16L * layout.PieceCount));
        var right = SecretMaker.Seal(header.Encode(), key, layout);
        switch (_kind)
        {
            case Kind.Right:
                OpenRight(maker.Torrent(right, layout)!, key, header);
                break;
            case Kind.Damaged:
                Refuse(maker.Torrent(Changed(right, prng), layout), key);
                break;
            case Kind.Cut:
                Refuse(maker.Torrent(right.AsMemory(0, prng.Next(prng.Next(2) == 0 ? 20 : right.Length)), layout), key);
                break;
            case Kind.Longer:
                var more = prng.Next(HugeOneOf) == 0 ? SecretShare.MaximumHeaderLength : 1 + prng.Next(5000);
                Refuse(maker.Torrent((byte[])[.. right, .. new byte[more]], layout), key);
                break;
            case Kind.OtherKey:
                Refuse(maker.Torrent(right, layout), maker.Key());
                break;
            case Kind.OtherTorrent:
                Refuse(maker.Torrent(right, new PieceLayout(layout.TotalLength + 1 + prng.Next(5), layout.PieceLength)), key);
                break;
            case Kind.DamagedMetadata:
                ReadDamaged(maker.Torrent(right, layout)!, key, prng);
                break;
            case Kind.MadeWrong:
                if (maker.Torrent(SecretMaker.Seal(maker.WrongHeader(header), key, layout), layout) is { } torrent)
                {
                    Open(torrent, key, out _);
                }

                break;
            default:
                TryPieces(key, layout, prng);
                break;
        }
    }

    private void OpenRight(Metainfo torrent, byte[] key, SecretHeader header)
    {
        Safety.Require(Open(torrent, key, out var share), "a share is not opened that is as it should be");
        Safety.Require(
            share!.Content.Name == header.Name && share.Content.Files.Where(file => !file.IsPadding).SequenceEqual(header.Files), "other files come out of a share than went in");
    }

    private void Refuse(Metainfo? torrent, byte[] key)
    {
        if (torrent is not null)
        {
            Open(torrent, key, out _, mayOpen: false);
        }
    }

    // What is damaged elsewhere in the metadata may be opened: the header is still the one that was sealed.
    private void ReadDamaged(Metainfo torrent, byte[] key, Prng prng)
    {
        var bytes = Mangle.Damage(torrent.InfoBytes.Span, prng);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var isRead = MetainfoReader.TryReadInfo(bytes, out var damaged, out var error, PathRules.None);
        RequireBounded(before, bytes.Length);
        _agenda.Note(_number, Encoding.UTF8.GetBytes(error));
        if (isRead && Open(damaged!, key, out _))
        {
            Safety.Require(
                damaged!.SealedHeader.Span.SequenceEqual(torrent.SealedHeader.Span) &&
                (damaged.Layout.TotalLength, damaged.Layout.PieceLength) == (torrent.Layout.TotalLength, torrent.Layout.PieceLength),
                "a header is accepted that was changed");
        }
    }

    private bool Open(Metainfo torrent, byte[] key, out SecretShare? share, bool mayOpen = true)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var isOpen = _door.TryOpen(torrent, new SecretKey(key), out share, out var error);
        RequireBounded(before, torrent.InfoBytes.Length);
        Safety.Require(mayOpen || !isOpen, "a header is accepted that was not sealed so for this torrent under this key");
        _agenda.Note(_number, Encoding.UTF8.GetBytes(isOpen ? share!.Content.Name : error));
        if (isOpen)
        {
            _openedCount++;
            CheckContent(share!.Content, torrent);
        }
        else
        {
            Safety.Require(error.Length is > 0 and <= MostErrorLetters && !error.Any(char.IsControl), "why a share is not opened is no line of text");
        }

        return isOpen;
    }

    private static void CheckContent(Metainfo content, Metainfo torrent)
    {
        HashSet<string> paths = [];
        var offset = 0L;
        foreach (var file in content.Files)
        {
            Safety.Require(file.Length >= 0 && file.Offset == offset, "the files of a share do not follow each other");
            offset += file.Length;
            if (!file.IsPadding)
            {
                Safety.Require(paths.Add(file.Path), "two files of a share have the same name");
                Safety.Require(file.Components.All(IsSafe), "the name of a file leads out of its folder");
            }
        }

        Safety.Require(IsSafe(content.Name), "the name of a share leads out of its folder");
        Safety.Require(
            offset == content.Layout.TotalLength && offset == torrent.Layout.TotalLength - (16L * torrent.Layout.PieceCount), "the files of a share do not fill it");
    }

    // By itself, not by the code that is tried.
    private static bool IsSafe(string name) => name is not ("" or "." or "..") && !name.Any(letter => letter is '/' or '\\' || char.IsControl(letter));

    private static void TryPieces(byte[] key, PieceLayout layout, Prng prng)
    {
        using var sealer = new PieceSealer(new SecretKey(key), layout);
        var index = new PieceIndex(prng.Next(layout.PieceCount));
        var plain = Mangle.Noise(layout.LengthOf(index) - 16, prng);
        byte[] piece = [.. plain, .. new byte[16]];
        sealer.Seal(index, piece);
        var opened = new byte[plain.Length];
        Safety.Require(sealer.TryOpen(index, piece, opened) && opened.AsSpan().SequenceEqual(plain), "a piece is not opened that is as it was sealed");
        Safety.Require(!sealer.TryOpen(new PieceIndex(index.Value + 1), piece, opened), "a piece is opened that is another one");
        piece[prng.Next(piece.Length)] ^= (byte)(1 << prng.Next(8));
        Safety.Require(!sealer.TryOpen(index, piece, opened), "a piece is opened that was changed");
    }

    private static void RequireBounded(long before, long length)
    {
        var taken = GC.GetAllocatedBytesForCurrentThread() - before;
        Safety.Require(taken <= MostBytes + (MostBytesPerByte * length), $"{taken} bytes of memory are taken for {length} bytes of metadata");
    }

    // Damage that is none, by chance, is done once more.
    private static byte[] Changed(byte[] bytes, Prng prng)
    {
        while (true)
        {
            var changed = Mangle.Any(bytes, prng);
            if (!changed.AsSpan().SequenceEqual(bytes))
            {
                return changed;
            }
        }
    }
}
