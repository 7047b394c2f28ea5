using System.Buffers.Binary;
using Shoal.Protocol;

namespace Shoal.Engine.Trackers;

/// <summary>
/// The peers of one set as they lie in pages of a <see cref="PeerSlab"/>: a view by position, valid until the set grows
/// or shrinks. A page holds <see cref="PageCount"/> peers of either family.
/// </summary>
internal readonly ref struct PeerRows<TWidth>(PeerSlab slab, ReadOnlySpan<uint> pages)
    where TWidth : struct, IPeerWidth
{
    private const int PageBits = 5;

    /// <summary>Peers in a page.</summary>
    public const int PageCount = 1 << PageBits;

    /// <summary>Bytes of a peer in compact form.</summary>
    public static int CompactLength => TWidth.Words == 1 ? PeerAddress.CompactLengthIPv4 : PeerAddress.CompactLengthIPv6;

    private readonly PeerSlab _slab = slab;
    private readonly ReadOnlySpan<uint> _pages = pages;

    public PackedPeer this[int position]
    {
        get
        {
            var words = WordsAt(position);
            return TWidth.Words == 1 ? new PackedPeer(0, 0, words[0]) : new PackedPeer(words[0], words[1], words[2]);
        }

        set
        {
            var words = WordsAt(position);
            if (TWidth.Words != 1)
            {
                words[1] = value.Low;
                words[0] = value.High;
            }

            words[TWidth.Words - 1] = value.Tail;
        }
    }

    /// <summary>The word with the tick of the peer's last announce in its lowest 16 bits.</summary>
    public ref ulong TailAt(int position) => ref WordsAt(position)[TWidth.Words - 1];

    /// <summary>Whether that peer lies there, whenever it was seen.</summary>
    public bool IsAt(int position, in PackedPeer peer) => Is(WordsAt(position), peer);

    /// <summary>The position of a peer among the first so many, which lie in the first page, or -1.</summary>
    public int FindInFirstPage(int count, in PackedPeer peer)
    {
        var words = _slab.Words(_pages[0], count * TWidth.Words);
        for (var i = 0; words.Length >= TWidth.Words; i++, words = words[TWidth.Words..])
        {
            if (Is(words, peer))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Writes the peer in compact form and, for IPv4, two bytes more.</summary>
    public void Write(int position, Span<byte> destination)
    {
        var words = WordsAt(position);
        if (TWidth.Words == 1)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, words[0]); // the tick goes into what comes next
            return;
        }

        BinaryPrimitives.WriteUInt64BigEndian(destination, words[0]);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], words[1]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[16..], (ushort)(words[2] >> 16));
    }

    private static bool Is(Span<ulong> words, in PackedPeer peer) => TWidth.Words == 1
        ? (words[0] ^ peer.Tail) >> 16 == 0
        : (words[2] ^ peer.Tail) >> 16 == 0 && words[1] == peer.Low && words[0] == peer.High;

    private Span<ulong> WordsAt(int position) =>
        _slab.Words(_pages[position >> PageBits] + (uint)((position & (PageCount - 1)) * TWidth.Words), TWidth.Words);
}
