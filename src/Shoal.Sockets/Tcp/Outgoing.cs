using System.Buffers;

namespace Shoal.Sockets.Tcp;

/// <summary>
/// What one send carries: encoded control messages or a batch of blocks; it gives the memory back to where it came from.
/// Not thread-safe: whoever has the one send that is under way owns it.
/// </summary>
internal sealed class Outgoing(UploadBuffers buffers)
{
    /// <summary>The bytes to send; null: nothing.</summary>
    public byte[]? Bytes { get; private set; }

    /// <summary>How many of them.</summary>
    public int Length { get; private set; }

    /// <summary>The batch if it is one.</summary>
    public UploadBatch? Batch { get; private set; }

    public void Load(ref ControlBytes messages) => (Bytes, Length) = messages.Take();

    public void Load(UploadBatch batch) => (Batch, Bytes, Length) = (batch, batch.Buffer, batch.Length);

    public void Release()
    {
        var (batch, bytes) = (Batch, Bytes);
        (Batch, Bytes, Length) = (null, null, 0);
        if (batch is not null)
        {
            buffers.Return(batch);
        }
        else if (bytes is not null)
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
