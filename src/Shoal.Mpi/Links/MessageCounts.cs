using Shoal.Protocol;

namespace Shoal.Mpi.Links;

/// <summary>How many messages there were, by the name of their tag. Links' records are counted one by one.</summary>
public sealed class MessageCounts
{
    private readonly SortedDictionary<string, (long Sent, long SentBytes, long Received, long ReceivedBytes)> _byName =
        new(StringComparer.Ordinal);

    /// <summary>Messages and bytes, by name in the order of the alphabet.</summary>
    public IReadOnlyDictionary<string, (long Sent, long SentBytes, long Received, long ReceivedBytes)> ByName => _byName;

    internal void Sent(int tag, long bytes)
    {
        var name = Tags.NameOf(tag);
        var counts = _byName.GetValueOrDefault(name);
        _byName[name] = counts with { Sent = counts.Sent + 1, SentBytes = counts.SentBytes + bytes };
    }

    internal void Received(int tag, long bytes)
    {
        var name = Tags.NameOf(tag);
        var counts = _byName.GetValueOrDefault(name);
        _byName[name] = counts with { Received = counts.Received + 1, ReceivedBytes = counts.ReceivedBytes + bytes };
    }
}

/// <summary>Sees every message that this rank sends.</summary>
public interface IMessageTrace
{
    /// <summary>A message beside the links.</summary>
    void Message(int from, int to, int tag, ReadOnlySpan<byte> bytes);

    /// <summary>A payload.</summary>
    void Payload(int from, int to, int tag, BlockRequest block);

    /// <summary>What a link says.</summary>
    internal void Record(int from, int to, in ControlRecord record);
}
