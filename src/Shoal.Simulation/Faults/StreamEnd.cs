using Shoal.Engine;
using Shoal.Engine.Encryption;

namespace Shoal.Simulation.Faults;

/// <summary>What a peer that is not honest does to its own handshake.</summary>
internal enum Mangling
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>One bit of it is another.</summary>
    Flip,

    /// <summary>Noise in its place, and much of it.</summary>
    Noise,

    /// <summary>Its end never comes.</summary>
    Stall,
}

/// <summary>
/// One end of a link that begins with the handshake of MSE: what its owner sends waits until both sides agree, and goes through the cipher
/// from then on. Invariant: a machine that was given more than any handshake is long has made up its mind.
/// </summary>
internal sealed class StreamEnd(IStreamSide side, Mangling mangling, Prng prng)
{
    /// <summary>What a driver reads at once.</summary>
    private const int ReadLength = 2048;

    /// <summary>The longest handshake with all that may come with it, and one reading more.</summary>
    private const int MostTaken = 12_288;

    private const int NoiseLength = 3 * MostTaken;

    private readonly List<byte> _waiting = [];
    private int _takenLength;
    private bool _isMangled;

    public bool IsWaiting => side.State == StreamHandshakeState.Waiting;

    public bool IsAgreed => side.State == StreamHandshakeState.Agreed;

    public string? Failure => side.Failure;

    /// <summary>Whether it does what it should.</summary>
    public bool IsTrue => mangling == Mangling.None;

    /// <summary>What the owner says. Returns what goes out: nothing before both have agreed.</summary>
    public byte[] Send(ReadOnlySpan<byte> bytes)
    {
        _waiting.AddRange(bytes);
        if (!IsAgreed)
        {
            return [];
        }

        byte[] output = [.. _waiting];
        _waiting.Clear();
        side.Result!.Outgoing?.Apply(output);
        return output;
    }

    /// <summary>What has come. Returns what of it is the stream's.</summary>
    public byte[] Receive(ReadOnlySpan<byte> bytes)
    {
        byte[] stream = [];
        while (IsWaiting && !bytes.IsEmpty)
        {
            var reading = bytes[..Math.Min(ReadLength, bytes.Length)];
            bytes = bytes[reading.Length..];
            _takenLength += reading.Length;
            side.Receive(reading);
            Safety.Require(!IsWaiting || _takenLength <= MostTaken, "a handshake of the encryption takes without end");
            stream = IsAgreed ? side.Result!.First.ToArray() : stream;
        }

        if (!IsAgreed)
        {
            return [];
        }

        byte[] rest = [.. bytes];
        side.Result!.Incoming?.Apply(rest);
        return [.. stream, .. rest];
    }

    /// <summary>What the handshake wants sent.</summary>
    public byte[] TakeOutput()
    {
        var output = side.TakeOutput();
        Safety.Require(output.Length <= MostTaken, "a handshake of the encryption says more than any is long");
        if (output.Length == 0 || IsTrue)
        {
            return output;
        }

        if (_isMangled)
        {
            return mangling == Mangling.Flip ? output : [];
        }

        _isMangled = mangling != Mangling.Flip || prng.Next(2) == 0; // now, or in what it says next
        switch (mangling)
        {
            case Mangling.Flip when _isMangled:
                output[prng.Next(output.Length)] ^= (byte)(1 << prng.Next(8));
                return output;
            case Mangling.Flip:
                return output;
            case Mangling.Noise:
                return Bytes(prng, NoiseLength);
            default:
                return output[..prng.Next(output.Length)];
        }
    }

    /// <summary>Bytes of chance.</summary>
    public static byte[] Bytes(Prng prng, int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
        {
            bytes[i] = (byte)prng.NextUInt64();
        }

        return bytes;
    }
}
