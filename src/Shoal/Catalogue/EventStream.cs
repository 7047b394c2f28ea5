namespace Shoal.Catalogue;

/// <summary>
/// A stream of server-sent events that neither falls silent nor says one that is too long: then reading throws an <see cref="IOException"/>
/// whose message says so. Who parses the events keeps no more than the one. For one reader; the inner stream stays its owner's.
/// </summary>
internal sealed class EventStream(Stream inner, TimeSpan silence) : Stream
{
    /// <summary>The longest event, in bytes.</summary>
    public const int MaximumEventLength = 1 << 20;

    private int _eventLength;
    private int _lineLength;
    private bool _isAfterReturn;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(silence);
        int count;
        try
        {
            count = await inner.ReadAsync(buffer, patience.Token);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"nothing came for {silence.TotalSeconds:0.#} s", error);
        }

        Measure(buffer.Span[..count]);
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    // An event ends in an empty line; a line ends in CR, LF, or both.
    private void Measure(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (++_eventLength > MaximumEventLength)
            {
                throw new IOException($"an event has more than {MaximumEventLength} bytes");
            }

            if (value is (byte)'\r' or (byte)'\n')
            {
                if (value == '\r' || !_isAfterReturn)
                {
                    _eventLength = _lineLength == 0 ? 0 : _eventLength;
                    _lineLength = 0;
                }
            }
            else
            {
                _lineLength++;
            }

            _isAfterReturn = value == '\r';
        }
    }
}
