using Shoal.Protocol;

namespace Shoal.Mpi.Links;

/// <summary>How many messages were sent, by tag; all payloads are one. Links' records are counted one by one.</summary>
public sealed class MessageCounts
{
    private readonly (long Count, long Bytes)[] _byTag = new (long Count, long Bytes)[Tags.Leave + 1];
    private (long Count, long Bytes) _payloads;

    /// <summary>Messages and bytes of each tag with which any were sent, by its name.</summary>
    public IReadOnlyDictionary<string, (long Count, long Bytes)> ByName =>
        _byTag.Select((sent, tag) => (Name: Tags.NameOf(tag), Sent: sent)).Append((Name: Tags.NameOf(Tags.FirstPayload), Sent: _payloads))
            .Where(of => of.Sent.Count > 0).ToDictionary(of => of.Name, of => of.Sent, StringComparer.Ordinal);

    internal void Sent(int tag, long bytes)
    {
        ref var sent = ref tag >= Tags.FirstPayload ? ref _payloads : ref _byTag[tag];
        sent = (sent.Count + 1, sent.Bytes + bytes);
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
