using System.Buffers;
using Shoal.Protocol;
using Shoal.Protocol.Dht;

namespace Shoal.Engine.Dht;

/// <summary>
/// What waits to be polled. The packets of one turn lie behind each other in one buffer, which is used anew once all were polled, so nothing is
/// allocated in the long run; it grows to what one turn sends: some dozen packets. Not thread-safe.
/// </summary>
internal sealed class Outbox : IBufferWriter<byte>
{
    private readonly KrpcWriter _writer = new();
    private readonly Queue<(DhtOutput Output, int Start, int Length)> _outputs = new();
    private byte[] _bytes = [];
    private int _used;

    public void Add(in DhtOutput output) => _outputs.Enqueue((output, 0, 0));

    /// <summary>Puts a packet in the queue and returns its length in bytes.</summary>
    public int Send(PeerAddress to, in KrpcMessage message)
    {
        var start = _used;
        _writer.Write(message, this);
        _outputs.Enqueue((new DhtOutput(DhtOutputKind.Send, to), start, _used - start));
        return _used - start;
    }

    public bool TryTake(out DhtOutput output)
    {
        if (!_outputs.TryDequeue(out var next))
        {
            _used = 0;
            output = default;
            return false;
        }

        output = next.Length == 0 ? next.Output : next.Output with { Packet = _bytes.AsMemory(next.Start, next.Length) };
        return true;
    }

    public void Advance(int count) => _used += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(_used);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(_used);
    }

    private void Reserve(int sizeHint)
    {
        if (_bytes.Length - _used < Math.Max(sizeHint, 1))
        {
            Array.Resize(ref _bytes, Math.Max(_used + sizeHint, Math.Max(512, 2 * _bytes.Length)));
        }
    }
}
