using Shoal.Engine;

namespace Shoal.Sockets.Tcp;

/// <summary>
/// What a thread needs to receive: a buffer that stays in its second-level cache, and the inputs that come of it. One
/// per thread that ever received, not per link: ten thousand idle links hold none.
/// </summary>
internal sealed class ReceiveContext
{
    private const int MaximumInputCount = 1024;

    [ThreadStatic]
    private static ReceiveContext? _ofThread;

    public static ReceiveContext OfThread => _ofThread ??= new ReceiveContext();

    public byte[] Scratch { get; } = GC.AllocateUninitializedArray<byte>(256 << 10, pinned: true);

    public Input[] Inputs { get; } = new Input[MaximumInputCount];

    public int Count { get; private set; }

    public bool IsFull => Count == Inputs.Length;

    public void Add(in Input input) => Inputs[Count++] = input;

    public void Clear()
    {
        Array.Clear(Inputs, 0, Count);
        Count = 0;
    }
}
