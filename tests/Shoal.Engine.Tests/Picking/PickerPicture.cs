using Shoal.Engine.Picking;
using Shoal.Protocol;

namespace Shoal.Engine.Tests.Picking;

/// <summary>
/// A picker drawn as text. All pieces have four blocks. <c>availability</c>, <c>have</c> and <c>wanted</c> have a
/// character for each piece: how many peers have it; <c>*</c> if it is had; <c>.</c> if it is not wanted.
/// <c>partial</c> has a word for each piece: <c>-</c> if nobody fetches it, else a character for each block: <c>.</c> free,
/// <c>a</c> asked of link a, <c>A</c> received from link a, <c>+</c> from an earlier run. A word may begin with
/// <c>s:</c> (spilled) or <c>h:</c> (hashing) and end in <c>!a</c> (exclusive to link a).
/// </summary>
internal static class PickerPicture
{
    public const int BlocksPerPiece = 4;
    private static readonly LinkId Temporary = LinkOf('z');

    public static LinkId LinkOf(char name) => new(name - 'a');

    public static PieceLayout LayoutOf(int pieceCount) => new(pieceCount * BlocksPerPiece * 10L, BlocksPerPiece * 10, 10);

    public static Bitfield BitsOf(string text, char clear = '.')
    {
        var bits = new Bitfield(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != clear)
            {
                bits.Set(i);
            }
        }

        return bits;
    }

    public static PiecePicker Draw(string availability, string? have = null, string? wanted = null, string? partial = null, ulong seed = 1)
    {
        var layout = LayoutOf(availability.Length);
        var picker = new PiecePicker(layout, new Prng(seed));
        for (var level = '1'; level <= '9'; level++)
        {
            picker.AddAvailability(BitsOf(string.Concat(availability.Select(c => c >= level ? 'x' : '.'))));
        }

        var words = partial?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        for (var i = 0; i < availability.Length; i++)
        {
            var piece = new PieceIndex(i);
            if (i < words.Length && words[i] != "-")
            {
                Draw(picker, layout, piece, words[i]);
            }

            if (have?[i] == '*')
            {
                picker.Adopt(piece, new Bitfield(BlocksPerPiece)); // as one that was fetched in this run
                picker.MarkHave(piece);
            }

            picker.SetWanted(piece, wanted?[i] != '.');
        }

        return picker;
    }

    /// <summary>What a link is offered, as "piece.block" words.</summary>
    public static string Pick(
        PiecePicker picker, string peerHas, char link = 'a', bool fast = true, int slots = 9, int count = 100, string? only = null,
        string? late = null)
    {
        var blocks = new BlockRequest[count];
        var request = new PickRequest(LinkOf(link), BitsOf(peerHas), fast, slots, only is null ? null : BitsOf(only),
            IsLate: (holder, _) => late?.Contains((char)('a' + holder.Value)) != false);
        return Words(blocks.AsSpan(0, picker.Pick(request, blocks)));
    }

    public static string Words(ReadOnlySpan<BlockRequest> blocks)
    {
        var words = new List<string>();
        foreach (var block in blocks)
        {
            words.Add($"{block.Piece}.{block.Begin / 10}");
        }

        return string.Join(' ', words);
    }

    private static void Draw(PiecePicker picker, PieceLayout layout, PieceIndex piece, string word)
    {
        var stage = word.StartsWith("s:", StringComparison.Ordinal) ? PieceStage.Spilled
            : word.StartsWith("h:", StringComparison.Ordinal) ? PieceStage.Hashing
            : PieceStage.Downloading;
        var exclusive = word.IndexOf('!');
        var blocks = word[(word.IndexOf(':') + 1)..(exclusive < 0 ? word.Length : exclusive)];
        var partial = picker.Adopt(piece, BitsOf(string.Concat(blocks.Select(c => c == '+' ? 'x' : '.'))));
        partial.Stage = PieceStage.Downloading;

        // One link asks for everything; then, for each block in turn, it hands over to whom the picture shows.
        var only = new Bitfield(layout.PieceCount);
        only.Set(piece.Value);
        var buffer = new BlockRequest[BlocksPerPiece];
        picker.Pick(new PickRequest(Temporary, only, true, 0, only), buffer);
        for (var i = 0; i < BlocksPerPiece; i++)
        {
            var block = layout.BlockAt(piece, i);
            if (char.IsUpper(blocks[i]))
            {
                picker.Receive(LinkOf(char.ToLowerInvariant(blocks[i])), block);
            }
            else if (char.IsLower(blocks[i]))
            {
                picker.Release(Temporary, block);
                Assert.Equal(1, picker.Pick(new PickRequest(LinkOf(blocks[i]), only, true, 0, only), buffer.AsSpan(0, 1)));
                Assert.Equal(block, buffer[0]);
            }
        }

        for (var i = 0; i < BlocksPerPiece; i++)
        {
            picker.Release(Temporary, layout.BlockAt(piece, i));
        }

        partial.Exclusive = exclusive < 0 ? null : LinkOf(word[exclusive + 1]);
        partial.Stage = stage;
    }
}
