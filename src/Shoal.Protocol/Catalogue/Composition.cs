using System.Runtime.InteropServices;
using System.Text;

namespace Shoal.Protocol.Catalogue;

/// <summary>
/// Unicode's normalization form C (UAX #15). Of <c>é</c> there are two spellings, and file systems and keyboards disagree which they
/// give; a catalogue has the one. <c>string.Normalize</c> leaves all but ASCII as it is where the program carries no
/// ICU, as this one does not. Refuses nothing: what is not assigned, and half a surrogate pair, counts as a character that combines with none.
/// </summary>
public static class Composition
{
    // The first character that combines with another. All below are as NFC has them.
    private const char FirstCombining = '\u0300';

    private const int HangulBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TrailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TrailCount = 28;
    private const int HangulCount = LeadCount * VowelCount * TrailCount;

    private const int CodeBits = 21;
    private const ulong CodeMask = (1UL << CodeBits) - 1;
    private const ulong PairMask = (1UL << (2 * CodeBits)) - 1;

    // A character in the works is class << 53 | place << 21 | code, so that a run of marks is put in order by sorting it.
    private const int ClassShift = 53;

    /// <summary>The text in NFC, mostly the same instance if it is so already. Takes time in proportion to the text, but for runs of marks, which are sorted.</summary>
    public static string Compose(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return IsPlainlyComposed(text) ? text : ComposeSlowly(text);
    }

    /// <summary>-1 if the text is in NFC; else the index (in UTF-16) where its NFC begins to differ. Allocates nothing for most texts that are in NFC.</summary>
    public static int FirstUncomposed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (IsPlainlyComposed(text))
        {
            return -1;
        }

        var composed = ComposeSlowly(text);
        var index = text.AsSpan().CommonPrefixLength(composed);
        if (index == text.Length && index == composed.Length)
        {
            return -1;
        }

        return index > 0 && index < text.Length && char.IsSurrogatePair(text[index - 1], text[index]) ? index - 1 : index;
    }

    // UAX #15's quick check, where "maybe" counts as no.
    private static bool IsPlainlyComposed(string text)
    {
        var at = text.AsSpan().IndexOfAnyInRange(FirstCombining, char.MaxValue);
        if (at < 0)
        {
            return true;
        }

        var lastClass = 0;
        while (at < text.Length)
        {
            var (combiningClass, needsCare) = TraitsOf(Next(text, ref at));
            if (needsCare || (combiningClass != 0 && combiningClass < lastClass))
            {
                return false;
            }

            lastClass = combiningClass;
        }

        return true;
    }

    private static string ComposeSlowly(string text)
    {
        var characters = new List<ulong>(text.Length + 8);
        for (var at = 0; at < text.Length;)
        {
            Decompose(Next(text, ref at), characters);
        }

        var works = CollectionsMarshal.AsSpan(characters);
        OrderMarks(works);
        var length = Join(works);
        var composed = new StringBuilder(text.Length);
        foreach (var character in works[..length])
        {
            var code = (int)(character & CodeMask);
            _ = code < 0x10000 ? composed.Append((char)code) : composed.Append(char.ConvertFromUtf32(code));
        }

        return composed.ToString();
    }

    private static void Decompose(int code, List<ulong> characters)
    {
        if ((uint)(code - HangulBase) < HangulCount)
        {
            var syllable = code - HangulBase;
            Add(LeadBase + (syllable / (VowelCount * TrailCount)), 0, characters);
            Add(VowelBase + (syllable / TrailCount % VowelCount), 0, characters);
            if (syllable % TrailCount != 0)
            {
                Add(TrailBase + (syllable % TrailCount), 0, characters);
            }

            return;
        }

        var index = code < 0xC0 ? -1 : LastAtMost(CompositionData.Decompositions, ((ulong)code << (2 * CodeBits)) | PairMask);
        var step = index < 0 ? 0 : CompositionData.Decompositions[index];
        if (step >> (2 * CodeBits) != (ulong)code || index < 0)
        {
            Add(code, TraitsOf(code).CombiningClass, characters);
            return;
        }

        // Unicode's steps are few (at most four deep), and only the first of a pair can be taken apart further.
        Decompose((int)((step >> CodeBits) & CodeMask), characters);
        if ((step & CodeMask) != 0)
        {
            Decompose((int)(step & CodeMask), characters);
        }
    }

    private static void Add(int code, int combiningClass, List<ulong> characters) =>
        characters.Add(((ulong)combiningClass << ClassShift) | ((ulong)characters.Count << CodeBits) | (uint)code);

    // Canonical ordering: the marks between two characters that are none, by class, those of one class left in their order.
    private static void OrderMarks(Span<ulong> characters)
    {
        for (var start = 0; start < characters.Length; start++)
        {
            var end = start;
            while (end < characters.Length && characters[end] >> ClassShift != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                characters[start..end].Sort();
            }

            start = end;
        }
    }

    // Canonical composition, in place: a character joins the last one of class 0, unless one that stays between them is
    // of its own class or a higher one. Returns how many are left.
    private static int Join(Span<ulong> characters)
    {
        var (length, starter, lastClass) = (0, -1, -1);
        foreach (var character in characters)
        {
            var combiningClass = (int)(character >> ClassShift);
            if (starter >= 0 && lastClass < combiningClass && Compose(characters[starter] & CodeMask, character & CodeMask) is var joined and not 0)
            {
                characters[starter] = joined;
                continue;
            }

            if (combiningClass == 0)
            {
                (starter, lastClass) = (length, -1);
            }
            else
            {
                lastClass = combiningClass;
            }

            characters[length++] = character;
        }

        return length;
    }

    // 0 if the two do not become one.
    private static ulong Compose(ulong first, ulong second)
    {
        if (first - LeadBase < LeadCount && second - VowelBase < VowelCount)
        {
            return HangulBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TrailCount);
        }

        if (first - HangulBase < HangulCount && (first - HangulBase) % TrailCount == 0 && second - TrailBase - 1 < TrailCount - 1)
        {
            return first + (second - TrailBase);
        }

        var pair = (first << CodeBits) | second;
        var (low, high) = (0, CompositionData.Compositions.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var step = CompositionData.Decompositions[CompositionData.Compositions[middle]];
            switch ((step & PairMask).CompareTo(pair))
            {
                case 0: return step >> (2 * CodeBits);
                case < 0: low = middle + 1; break;
                default: high = middle - 1; break;
            }
        }

        return 0;
    }

    private static (int CombiningClass, bool NeedsCare) TraitsOf(int code)
    {
        var index = code < FirstCombining ? -1 : LastAtMost(CompositionData.Traits, ((uint)code << 9) | 0x1FF);
        var traits = index < 0 ? 0 : CompositionData.Traits[index];
        return ((int)(traits & 0xFF), (traits & 0x100) != 0);
    }

    // Where the last entry that is no greater stands, or -1.
    private static int LastAtMost<T>(ReadOnlySpan<T> sorted, T value)
        where T : IComparable<T>
    {
        var index = sorted.BinarySearch(value);
        return index >= 0 ? index : ~index - 1;
    }

    // A surrogate that has no other half stands for itself.
    private static int Next(string text, ref int at)
    {
        var code = (int)text[at++];
        return at < text.Length && char.IsSurrogatePair((char)code, text[at]) ? char.ConvertToUtf32((char)code, text[at++]) : code;
    }
}
