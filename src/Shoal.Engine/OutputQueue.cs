namespace Shoal.Engine;

/// <summary>
/// The outputs that wait to be polled. Drivers poll until there are none (the drain law), and then it begins anew at its first place: so
/// however many go through, they pass through the same few cache lines. Not thread-safe.
/// </summary>
internal sealed class OutputQueue
{
    private Output[] _outputs = new Output[4];
    private int _head;
    private int _tail;

    public void Enqueue(in Output output)
    {
        if (_tail == _outputs.Length)
        {
            Array.Resize(ref _outputs, _tail * 2);
        }

        _outputs[_tail++] = output;
    }

    public bool TryDequeue(out Output output)
    {
        if (_head == _tail)
        {
            _head = _tail = 0;
            output = default;
            return false;
        }

        output = _outputs[_head];
        _outputs[_head++] = default; // whatever it refers to may go
        return true;
    }
}
