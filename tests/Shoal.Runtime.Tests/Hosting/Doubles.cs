using System.Collections.Concurrent;
using Shoal.Engine;
using Shoal.Protocol;
using Shoal.Protocol.Wire;
using Shoal.Runtime.Hosting;
using Shoal.Runtime.Storage;

namespace Shoal.Runtime.Tests.Hosting;

/// <summary>A machine that answers each input as its test says, and notes what it was told.</summary>
internal sealed class ScriptedMachine(Func<Input, IEnumerable<Output>>? script = null) : IMachine
{
    private readonly Queue<Output> _outputs = new();
    private int _inside;

    public Instant Deadline { get; set; } = Instant.Never;

    public ConcurrentQueue<Input> Told { get; } = new();

    public void Handle(Instant now, in Input input)
    {
        Assert.Equal(1, Interlocked.Increment(ref _inside));
        if (input.Kind == InputKind.Timer && now >= Deadline)
        {
            Deadline = Instant.Never;
        }

        foreach (var output in script?.Invoke(input) ?? [])
        {
            _outputs.Enqueue(output);
        }

        Told.Enqueue(input);
        Interlocked.Decrement(ref _inside);
    }

    public bool TryPoll(out Output output) => _outputs.TryDequeue(out output);
}

/// <summary>Links that note what they were asked to do.</summary>
internal sealed class NotingTransport : ILinkTransport
{
    public ILinkEvents Events { get; private set; } = null!;

    public Dictionary<LinkId, NotingLink> Links { get; } = [];

    public void Bind(ILinkEvents events) => Events = events;

    public ILink Connect(LinkId id, SwarmId swarm, PeerAddress address)
    {
        var link = new NotingLink();
        Links.Add(id, link);
        return link;
    }
}

/// <summary>A link that notes what it was asked to do.</summary>
internal sealed class NotingLink : ILink
{
    public List<string> Notes { get; } = [];

    public Dictionary<BlockRequest, nint> Expected { get; } = [];

    public void Send(in PeerMessage message) => Notes.Add($"send {message.Kind}");

    public void Request(in BlockRequest block, BufferSlot slot, nint destination)
    {
        Notes.Add($"request {block}");
        Expected.Add(block, destination);
    }

    public bool Forget(in BlockRequest block)
    {
        Notes.Add($"forget {block}");
        return Expected.Remove(block);
    }

    public void Upload(SwarmId swarm, IPieceStore store, in BlockRequest block) => Notes.Add($"upload {block}");

    public void Flush() => Notes.Add("flush");

    public void Close(string? reason) => Notes.Add($"close {reason}");
}

/// <summary>Pieces in memory, with a fault to be switched on.</summary>
internal sealed class MemoryStore(PieceLayout layout) : IPieceStore
{
    public byte[] Content { get; } = new byte[layout.TotalLength];

    public List<(int Begin, int Length)> Writes { get; } = [];

    public string? Fault { get; set; }

    public void Write(PieceIndex piece, int begin, ReadOnlySpan<byte> bytes)
    {
        Check();
        lock (Writes)
        {
            Writes.Add((begin, bytes.Length));
        }

        bytes.CopyTo(Content.AsSpan((int)layout.OffsetOf(piece) + begin));
    }

    public void Read(PieceIndex piece, int begin, Span<byte> destination)
    {
        Check();
        Content.AsSpan((int)layout.OffsetOf(piece) + begin, destination.Length).CopyTo(destination);
    }

    public int ReadBlocks(ReadOnlySpan<BlockRequest> blocks, Span<byte> destination, int gapBefore) => throw new NotSupportedException();

    private void Check()
    {
        if (Fault is { } fault)
        {
            throw new StorageException(fault);
        }
    }
}
