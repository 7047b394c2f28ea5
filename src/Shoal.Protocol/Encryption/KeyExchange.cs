using System.Numerics;

namespace Shoal.Protocol.Encryption;

/// <summary>
/// The Diffie–Hellman exchange of message stream encryption: generator 2, a prime of 768 bits, secrets of 160 bits. Immutable, so
/// thread-safe; a key or a secret takes some hundred microseconds whatever the other side sends.
/// </summary>
public sealed class KeyExchange
{
    /// <summary>Length in bytes of a public key, and of what both sides have in common afterwards.</summary>
    public const int KeyLength = 96;

    /// <summary>Length in bytes of the secret.</summary>
    public const int SecretLength = 20;

    private static readonly BigInteger Prime = Number(Convert.FromHexString(
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
        "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563"));

    private readonly BigInteger _secret;

    /// <summary>An exchange with the secret, which nobody else may know or guess.</summary>
    public KeyExchange(ReadOnlySpan<byte> secret)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, SecretLength, nameof(secret));
        _secret = Number(secret);
        PublicKey = Bytes(BigInteger.ModPow(2, _secret, Prime));
    }

    /// <summary>What the other side gets.</summary>
    public ReadOnlyMemory<byte> PublicKey { get; }

    /// <summary>What both have in common; null if the other side's key is one for which everybody knows the result.</summary>
    public byte[]? AgreeWith(ReadOnlySpan<byte> publicKey)
    {
        var key = Number(publicKey);
        return publicKey.Length == KeyLength && key > 1 && key < Prime - 1 ? Bytes(BigInteger.ModPow(key, _secret, Prime)) : null;
    }

    private static BigInteger Number(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: true, isBigEndian: true);

    private static byte[] Bytes(BigInteger number)
    {
        var bytes = new byte[KeyLength];
        number.TryWriteBytes(bytes.AsSpan(KeyLength - number.GetByteCount(isUnsigned: true)), out _, isUnsigned: true, isBigEndian: true);
        return bytes;
    }
}
