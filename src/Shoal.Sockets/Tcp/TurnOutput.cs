using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Sockets.Tcp;

/// <summary>What the engine wants sent on one link, gathered in a turn so that it goes out at once. Touched in turns only.</summary>
internal sealed class TurnOutput
{
    private readonly List<BlockRequest> _uploads = [];
    private ControlBytes _messages;

    public void Add(in PeerMessage message) => _messages.Add(message);

    public void Add(in BlockRequest upload) => _uploads.Add(upload);

    public void MoveTo(ref ControlBytes messages, Queue<BlockRequest> uploads)
    {
        messages.MoveFrom(ref _messages);
        foreach (var block in _uploads)
        {
            uploads.Enqueue(block);
        }

        _uploads.Clear();
    }

    public void Drop()
    {
        _messages.Drop();
        _uploads.Clear();
    }
}
