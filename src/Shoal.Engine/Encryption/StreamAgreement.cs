using Shoal.Protocol.Encryption;

namespace Shoal.Engine.Encryption;

/// <summary>Whether links are encrypted.</summary>
public enum EncryptionPolicy
{
    /// <summary>Never; links that come in encrypted are not understood.</summary>
    Off,

    /// <summary>
    /// As far as the other side wants: the handshake is hidden where it can, and all that follows where it insists; who cannot is
    /// spoken to in the clear.
    /// </summary>
    Prefer,

    /// <summary>Always, and all of it; who does not is not spoken to.</summary>
    Require,
}

/// <summary>How a stream goes on after the handshake; as on the wire, where several may be offered.</summary>
[Flags]
public enum StreamMethods
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>In the clear: only the handshake was hidden.</summary>
    Plain = 1,

    /// <summary>All of it under RC4.</summary>
    Rc4 = 2,
}

/// <summary>Where a handshake stands.</summary>
public enum StreamHandshakeState
{
    /// <summary>It waits for the other side's bytes.</summary>
    Waiting,

    /// <summary>Both sides have agreed: see <see cref="StreamHandshake.Result"/>.</summary>
    Agreed,

    /// <summary>It is no handshake, or not one for us: see <see cref="StreamHandshake.Failure"/>.</summary>
    Failed,
}

/// <summary>What a handshake led to.</summary>
/// <param name="Method">How the stream goes on.</param>
/// <param name="Incoming">Decrypts what comes from now on; null in the clear.</param>
/// <param name="Outgoing">Encrypts what is sent from now on; null in the clear.</param>
/// <param name="First">What of the stream has come already, decrypted.</param>
public sealed record StreamAgreement(StreamMethods Method, Rc4? Incoming, Rc4? Outgoing, ReadOnlyMemory<byte> First);
