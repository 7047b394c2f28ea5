using System.Buffers;
using System.Runtime.InteropServices;
using Shoal.Mpi.Native;

namespace Shoal.Mpi.Links;

/// <summary>
/// Messages of one tag to one rank: what is written while a message is under way waits and goes with the next, so at most
/// one is under way and order is kept.
/// </summary>
internal sealed unsafe class Outbox(Requests requests, nint communicator, int rank, int tag) : Operation, IBufferWriter<byte>, IDisposable
{
    private Memory _filling;
    private Memory _sending;

    /// <summary>Bytes that wait or are under way.</summary>
    public int PendingBytes => _filling.Length + _sending.Length;

    /// <summary>Whether something waits for the message that is under way.</summary>
    public bool HasWaiting => _filling.Length > 0;

    public void Advance(int count) => _filling.Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0) => throw new NotSupportedException("this is unmanaged memory: use GetSpan");

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        _filling.Reserve(_filling.Length + Math.Max(sizeHint, 1));
        return new Span<byte>(_filling.Bytes + _filling.Length, _filling.Capacity - _filling.Length);
    }

    /// <summary>Sends what waits, unless a message is under way. Whether something was sent.</summary>
    public bool Flush(MpiApi api)
    {
        if (_filling.Length == 0 || Place >= 0)
        {
            return false;
        }

        (_filling, _sending) = (_sending, _filling);
        api.Isend(_sending.Bytes, _sending.Length, rank, tag, communicator, requests.NextHandle());
        requests.Add(this);
        return true;
    }

    public override void Ended(MpiApi api, void* status) => _sending.Length = 0;

    public void Dispose()
    {
        NativeMemory.Free(_filling.Bytes);
        NativeMemory.Free(_sending.Bytes);
    }

    private struct Memory
    {
        public byte* Bytes;
        public int Capacity;
        public int Length;

        public void Reserve(int length)
        {
            if (length > Capacity)
            {
                Capacity = Math.Max(length, Math.Max(1024, Capacity * 2));
                Bytes = (byte*)NativeMemory.Realloc(Bytes, (nuint)Capacity);
            }
        }
    }
}
