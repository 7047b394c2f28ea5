using Shoal.Protocol.PortMapping;

namespace Shoal.Engine.PortMapping;

/// <summary>The HTTP exchange that is under way: one at a time, so many for one request; an answer to an earlier one counts no more. Not thread-safe.</summary>
internal sealed class UpnpCalls(Action<PortMappingOutput> emit)
{
    /// <summary>Exchanges for one request after which no other device or service is tried: eight devices may describe sixteen services each.</summary>
    private const int MaximumCallCount = 40;

    private int _id;
    private int _callCount;

    /// <summary>Whether there were so many that it is time to give up.</summary>
    public bool AreSpent => _callCount >= MaximumCallCount;

    /// <summary>A request begins.</summary>
    public void Begin() => _callCount = 0;

    /// <summary>Fetches the URL, or posts the order to it.</summary>
    public void Call(Uri url, UpnpOrder? order)
    {
        _callCount++;
        emit(new PortMappingOutput.Http(++_id, url, order));
    }

    /// <summary>Whether it answers what is under way; once.</summary>
    public bool IsAnswer(PortMappingInput.HttpAnswer answer)
    {
        var isAnswer = answer.Id == _id;
        _id += isAnswer ? 1 : 0;
        return isAnswer;
    }
}
