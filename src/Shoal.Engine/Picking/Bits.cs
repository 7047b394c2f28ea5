using System.Buffers.Binary;
using System.Numerics;
using Shoal.Protocol;

namespace Shoal.Engine.Picking;

/// <summary>What two bitfields have in common, 64 bits at a time.</summary>
internal static class Bits
{
    /// <summary>The first index at or after <paramref name="from"/> that is set in both, or -1. Both must have the same length.</summary>
    public static int NextCommon(Bitfield left, Bitfield right, int from)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(left.Length, right.Length, nameof(right));
        var a = left.Bytes;
        var b = right.Bytes;
        var at = from >> 3;
        var skip = from & 7;
        for (; at + 8 <= a.Length; at += 8, skip = 0)
        {
            var common = BinaryPrimitives.ReadUInt64BigEndian(a[at..]) & BinaryPrimitives.ReadUInt64BigEndian(b[at..]);
            common &= ulong.MaxValue >> skip;
            if (common != 0)
            {
                return (at * 8) + BitOperations.LeadingZeroCount(common);
            }
        }

        for (; at < a.Length; at++, skip = 0)
        {
            var common = a[at] & b[at] & (0xff >> skip);
            if (common != 0)
            {
                return (at * 8) + BitOperations.LeadingZeroCount((uint)common << 24);
            }
        }

        return -1;
    }
}
