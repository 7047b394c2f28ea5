namespace Shoal.Runtime.Storage;

/// <summary>
/// Bytes of a block where they lie, to be sent from there without a copy; they stay until this is disposed of. On any thread, one at a time.
/// </summary>
public abstract unsafe class LentBytes : IDisposable
{
    private bool _isDisposed;

    /// <summary>The first byte.</summary>
    public abstract byte* Bytes { get; }

    /// <summary>Lets go of them.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Release();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Is called once.</summary>
    protected abstract void Release();
}
