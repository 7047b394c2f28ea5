using System.Buffers;
using Shoal.Protocol.Wire;

namespace Shoal.Sockets.Tcp;

/// <summary>Encoded control messages in a pooled buffer, which is rented for the first and given away whole. Not thread-safe.</summary>
internal struct ControlBytes
{
    private byte[]? _bytes;

    public int Length { get; private set; }

    public void Add(in PeerMessage message)
    {
        EnsureRoom(WireWriter.LengthOf(message));
        Length += WireWriter.Write(_bytes.AsSpan(Length), message);
    }

    /// <summary>Moves everything from there to the end of this.</summary>
    public void MoveFrom(ref ControlBytes other)
    {
        if (Length == 0)
        {
            (this, other) = (other, default);
        }
        else if (other.Length > 0)
        {
            EnsureRoom(other.Length);
            other._bytes.AsSpan(0, other.Length).CopyTo(_bytes.AsSpan(Length));
            Length += other.Length;
            other.Drop();
        }
    }

    /// <summary>Gives the buffer away; the taker returns it to the shared pool.</summary>
    public (byte[]? Buffer, int Length) Take()
    {
        var taken = (_bytes, Length);
        this = default;
        return taken;
    }

    public void Drop()
    {
        if (_bytes is not null)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        this = default;
    }

    private void EnsureRoom(int more)
    {
        if (_bytes is not null && _bytes.Length - Length >= more)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(512, Math.Max(Length + more, Length * 2)));
        if (_bytes is not null)
        {
            _bytes.AsSpan(0, Length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        _bytes = larger;
    }
}
