using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Bench.Tracker;

/// <summary>What to ask for.</summary>
/// <param name="SwarmCount">Swarms; drawn at random.</param>
/// <param name="PeersPerSwarm">Different ports in each swarm; drawn at random.</param>
/// <param name="Wanted">Peers wanted in each answer.</param>
internal sealed record Load(int SwarmCount, int PeersPerSwarm, int Wanted);

/// <summary>What came of it.</summary>
internal readonly record struct Outcome(long Answers, double Seconds, double AnswerBytes);

/// <summary>
/// Asks a tracker by UDP as fast as it answers: one thread, one socket, a window of requests under way, sent and
/// received by the batch. What gets lost is not waited for longer than 20 ms.
/// </summary>
internal sealed unsafe partial class UdpLoad : IDisposable
{
    private const int Window = 64;
    private const int PacketLength = 2048;

    private readonly Socket _socket;
    private readonly byte* _memory;
    private readonly Message* _messages;
    private readonly Vector* _vectors;
    private readonly byte* _packets;
    private readonly byte[][] _infoHashes;
    private readonly Random _random = new(1);
    private ulong _connectionId;

    public UdpLoad(IPEndPoint server, byte[][] infoHashes)
    {
        _infoHashes = infoHashes;
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20, ReceiveTimeout = 20 };
        _socket.Connect(server);
        var length = Window * (sizeof(Message) + sizeof(Vector) + PacketLength);
        _memory = (byte*)NativeMemory.AllocZeroed((nuint)length);
        _messages = (Message*)_memory;
        _vectors = (Vector*)(_messages + Window);
        _packets = (byte*)(_vectors + Window);
        Connect();
    }

    public void Dispose()
    {
        _socket.Dispose();
        NativeMemory.Free(_memory);
    }

    /// <summary>Announces every peer of every swarm once.</summary>
    public void Fill(Load load)
    {
        var next = 0;
        var total = load.SwarmCount * load.PeersPerSwarm;
        var done = 0;
        while (done < total)
        {
            var count = Math.Min(Window, total - done);
            Exchange(count, packet => WriteAnnounce(packet, next % load.SwarmCount, next++ / load.SwarmCount, wanted: 0), out _);
            done += count;
        }
    }

    public Outcome Announce(Load load, TimeSpan duration) => Run(
        duration, packet => WriteAnnounce(packet, _random.Next(load.SwarmCount), _random.Next(load.PeersPerSwarm), load.Wanted));

    public Outcome ConnectMany(TimeSpan duration) => Run(
        duration, packet => UdpTrackerCodec.WriteConnectRequest(packet, (uint)_random.Next()));

    private delegate int Write(Span<byte> packet);

    private int WriteAnnounce(Span<byte> packet, int swarm, int peer, int wanted)
    {
        var request = new AnnounceRequest(
            new InfoHash(_infoHashes[swarm]), new PeerId(_infoHashes[peer]), (ushort)(1024 + peer), Left: 1, WantedPeerCount: wanted);
        return UdpTrackerCodec.WriteAnnounceRequest(packet, _connectionId, (uint)peer, request);
    }

    private Outcome Run(TimeSpan duration, Write write)
    {
        var watch = Stopwatch.StartNew();
        long answers = 0;
        long bytes = 0;
        while (watch.Elapsed < duration)
        {
            answers += Exchange(Window, write, out var received);
            bytes += received;
        }

        return new Outcome(answers, watch.Elapsed.TotalSeconds, (double)bytes / Math.Max(1, answers));
    }

    // One window: all requests out, all answers in. Half a window at a time keeps the server busy meanwhile.
    private int Exchange(int count, Write write, out long bytes)
    {
        var half = (count + 1) / 2;
        Send(half, write);
        Send(count - half, write);
        var answers = 0;
        bytes = 0;
        while (answers < count)
        {
            for (var i = 0; i < count - answers; i++)
            {
                _vectors[i] = new Vector { Base = _packets + (i * PacketLength), Length = PacketLength };
                _messages[i] = new Message { Vectors = &_vectors[i], VectorCount = 1, Length = 0 };
            }

            var received = ReceiveMany((int)_socket.Handle, _messages, (uint)(count - answers), 0x10000, null);
            if (received <= 0)
            {
                break;
            }

            for (var i = 0; i < received; i++)
            {
                bytes += _messages[i].Length;
                if (_packets[(i * PacketLength) + 3] == 3)
                {
                    throw new InvalidOperationException("the tracker answered with an error");
                }
            }

            answers += received;
        }

        return answers;
    }

    private void Send(int count, Write write)
    {
        for (var i = 0; i < count; i++)
        {
            var packet = _packets + (i * PacketLength);
            _vectors[i] = new Vector { Base = packet, Length = (nuint)write(new Span<byte>(packet, PacketLength)) };
            _messages[i] = new Message { Vectors = &_vectors[i], VectorCount = 1, Length = 0 };
        }

        for (var sent = 0; sent < count;)
        {
            sent += Math.Max(1, SendMany((int)_socket.Handle, _messages + sent, (uint)(count - sent), 0));
        }
    }

    private void Connect()
    {
        var packet = new byte[PacketLength];
        for (var attempt = 0; attempt < 100; attempt++)
        {
            try
            {
                _socket.Send(packet.AsSpan(0, UdpTrackerCodec.WriteConnectRequest(packet, 1)));
                if (UdpTrackerCodec.TryReadConnectReply(packet.AsSpan(0, _socket.Receive(packet)), out _connectionId))
                {
                    return;
                }
            }
            catch (SocketException)
            {
                // Not up yet.
            }
        }

        throw new InvalidOperationException("the tracker does not answer connects");
    }

    [LibraryImport("libc", EntryPoint = "recvmmsg")]
    private static partial int ReceiveMany(int handle, Message* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "sendmmsg")]
    private static partial int SendMany(int handle, Message* messages, uint count, int flags);

    private struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    // struct mmsghdr, 64-bit, without the fields that a connected socket has no use for.
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Message
    {
        [FieldOffset(16)]
        public Vector* Vectors;

        [FieldOffset(24)]
        public nuint VectorCount;

        [FieldOffset(56)]
        public uint Length;
    }
}
