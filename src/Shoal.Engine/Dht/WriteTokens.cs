using System.Buffers.Binary;
using Shoal.Protocol;

namespace Shoal.Engine.Dht;

/// <summary>
/// The tokens that who announces must show (BEP 5): made for its address, under a secret, good for 5 to 10 minutes. Nothing is stored.
/// </summary>
internal sealed class WriteTokens(AddressHash hash)
{
    public const int Length = 8;

    private const long PeriodNanoseconds = 5 * 60 * 1_000_000_000L;

    /// <summary>The token for an address at this time.</summary>
    public void Write(Span<byte> destination, PeerAddress address, Instant now) =>
        BinaryPrimitives.WriteUInt64BigEndian(destination, hash.Of(address, Number(now)));

    /// <summary>Whether the token was made for this address, not long ago.</summary>
    public bool IsValid(ReadOnlySpan<byte> token, PeerAddress address, Instant now)
    {
        if (token.Length != Length)
        {
            return false;
        }

        var value = BinaryPrimitives.ReadUInt64BigEndian(token);
        return (value == hash.Of(address, Number(now))) | (value == hash.Of(address, Number(now) - 1));
    }

    // Apart from the other uses of the hash, which count up from 0.
    private static long Number(Instant now) => long.MinValue / 2 + (now.Nanoseconds / PeriodNanoseconds);
}
