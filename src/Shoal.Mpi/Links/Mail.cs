using System.Runtime.InteropServices;
using Shoal.Mpi.Native;

namespace Shoal.Mpi.Links;

/// <summary>What is done with a message that came in whole.</summary>
internal delegate void MessageHandler(int rank, int tag, ReadOnlySpan<byte> bytes);

/// <summary>
/// Takes in every message that nobody has asked for by a reply slot, in the order in which they came, and hands each to its tag's
/// handler once it is whole. Used by the one thread that calls MPI.
/// </summary>
internal sealed unsafe class Mail(MpiApi api, Requests requests, nint communicator, MessageHandler handler) : IDisposable
{
    /// <summary>The largest message that is taken in: the bitfield of the largest torrent, and room for many records.</summary>
    private const int MaximumLength = 256 * 1024 * 1024;

    /// <summary>Messages that may be coming in at once; the others wait inside MPI.</summary>
    private const int MaximumPendingCount = 64;

    private const int RetainedLength = 64 * 1024;

    private readonly Queue<Letter> _coming = new();
    private readonly Stack<Letter> _idle = new();

    /// <summary>Takes in what has come. Whether there was anything.</summary>
    public bool Advance()
    {
        var took = Collect();
        var delivered = false;
        while (_coming.TryPeek(out var first) && first.Place < 0)
        {
            _coming.Dequeue();
            handler(first.Rank, first.Tag, new ReadOnlySpan<byte>(first.Bytes, first.Length));
            Retire(first);
            delivered = true;
        }

        return took || delivered;
    }

    public void Dispose()
    {
        foreach (var letter in _idle)
        {
            letter.Free();
        }
    }

    private bool Collect()
    {
        var status = stackalloc byte[api.Abi.StatusSize];
        nint message;
        var took = false;
        while (_coming.Count < MaximumPendingCount && api.Improbe(api.Abi.AnyTag, communicator, &message, status))
        {
            var length = api.CountOf(status);
            if (length > MaximumLength)
            {
                throw new MpiException($"rank {api.SourceOf(status)} sent a message of {length} bytes");
            }

            if (!_idle.TryPop(out var letter))
            {
                letter = new Letter();
            }

            letter.Prepare(api.SourceOf(status), api.TagOf(status), length);
            api.Imrecv(letter.Bytes, length, &message, requests.NextHandle());
            requests.Add(letter);
            _coming.Enqueue(letter);
            took = true;
        }

        if (took)
        {
            requests.Advance(); // small messages lie there already
        }

        return took;
    }

    private void Retire(Letter letter)
    {
        if (letter.Capacity > RetainedLength)
        {
            letter.Free();
        }
        else
        {
            _idle.Push(letter);
        }
    }

    private sealed class Letter : Operation
    {
        public int Rank { get; private set; }

        public int Tag { get; private set; }

        public int Length { get; private set; }

        public int Capacity { get; private set; }

        public byte* Bytes { get; private set; }

        public void Prepare(int rank, int tag, int length)
        {
            Rank = rank;
            Tag = tag;
            Length = length;
            if (length > Capacity)
            {
                Capacity = Math.Max(4096, length);
                Bytes = (byte*)NativeMemory.Realloc(Bytes, (nuint)Capacity);
            }
        }

        public override void Ended(MpiApi api, void* status)
        {
        }

        public void Free() => NativeMemory.Free(Bytes);
    }
}
