using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Shoal.Protocol;
using Shoal.Tracker.Metrics;

namespace Shoal.Tracker;

/// <summary>
/// Receives and sends UDP packets by the batch on 64-bit Linux: recvmmsg and sendmmsg, one system call for as many as
/// have come in. All memory is laid out once, outside the collector's reach. One owner.
/// </summary>
internal sealed unsafe partial class MessageBatch : IDisposable
{
    private const int Size = 64;
    private const int PacketLength = 2048;
    private const int NameLength = 28; // sockaddr_in6
    private const int WaitForOne = 0x10000; // MSG_WAITFORONE

    private readonly Socket _socket;
    private readonly byte* _memory;
    private readonly Message* _received;
    private readonly Message* _sent;
    private readonly byte* _names;
    private readonly byte* _packets;
    private readonly byte* _replies;

    public MessageBatch(Socket socket)
    {
        _socket = socket;
        var heads = Size * (sizeof(Message) + sizeof(Vector));
        var length = (2 * heads) + (Size * (32 + (2 * PacketLength)));
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);
        NativeMemory.Clear(_memory, (nuint)length);
        _received = (Message*)_memory;
        _sent = _received + Size;
        var vectors = (Vector*)(_sent + Size);
        _names = (byte*)(vectors + (2 * Size));
        _packets = _names + (Size * 32);
        _replies = _packets + (Size * PacketLength);
        for (var i = 0; i < Size; i++)
        {
            vectors[i] = new Vector { Base = _packets + (i * PacketLength), Length = PacketLength };
            _received[i].Vectors = &vectors[i];
            _received[i].VectorCount = 1;
            _received[i].Name = _names + (i * 32);
            _sent[i].Vectors = &vectors[Size + i];
            _sent[i].VectorCount = 1;
        }
    }

    /// <summary>Waits for packets, answers them, and sends the answers.</summary>
    public void Exchange(UdpResponder responder, TrackerShards shards)
    {
        for (var i = 0; i < Size; i++)
        {
            _received[i].NameLength = NameLength;
        }

        var handle = (int)_socket.SafeHandle.DangerousGetHandle();
        var count = ReceiveMany(handle, _received, Size, WaitForOne, null);
        if (count <= 0)
        {
            return; // interrupted, or an ICMP error that some earlier answer brought about
        }

        var start = Stopwatch.GetTimestamp();
        var now = shards.Now;
        var answers = 0;
        for (var i = 0; i < count; i++)
        {
            var name = new ReadOnlySpan<byte>(_received[i].Name, (int)_received[i].NameLength);
            var packet = new ReadOnlySpan<byte>(_packets + (i * PacketLength), (int)_received[i].Length);
            var reply = _replies + (answers * PacketLength);
            var length = responder.Answer(now, packet, UdpListener.AddressOf(name), new Span<byte>(reply, PacketLength));
            if (length > 0)
            {
                _sent[answers].Name = _received[i].Name;
                _sent[answers].NameLength = _received[i].NameLength;
                _sent[answers].Vectors->Base = reply;
                _sent[answers].Vectors->Length = (nuint)length;
                answers++;
            }
        }

        Send(handle, answers);
        shards.Traffic.RecordSince(TrackerProtocol.Udp, start, count);
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);

    // sendmmsg stops at a packet that fails: that one is passed over, like any packet that gets lost.
    private void Send(int handle, int answers)
    {
        for (var sent = 0; sent < answers;)
        {
            var count = SendMany(handle, _sent + sent, (uint)(answers - sent), 0);
            sent += Math.Max(1, count);
        }
    }

    [LibraryImport("libc", EntryPoint = "recvmmsg")]
    private static partial int ReceiveMany(int handle, Message* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "sendmmsg")]
    private static partial int SendMany(int handle, Message* messages, uint count, int flags);

    /// <summary>struct iovec.</summary>
    private struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct mmsghdr, 64-bit.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public byte* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
        private readonly int _padding;
        public uint Length;
        private readonly int _padding2;
    }
}
