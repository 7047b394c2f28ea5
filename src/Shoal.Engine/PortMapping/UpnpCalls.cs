using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>The HTTP exchange that is under way: one at a time; an answer to an earlier one counts no more. Not thread-safe.</summary>
internal sealed class UpnpCalls(Action<PortMappingOutput> emit)
{
    private int _id;

    /// <summary>Fetches the URL, or posts the order to it.</summary>
    public void Call(Uri url, UpnpOrder? order) => emit(new PortMappingOutput.Http(++_id, url, order));

    /// <summary>Whether it answers what is under way; once.</summary>
    public bool IsAnswer(PortMappingInput.HttpAnswer answer)
    {
        var isAnswer = answer.Id == _id;
        _id += isAnswer ? 1 : 0;
        return isAnswer;
    }
}
