using Shoal.Engine.Resume;
using Shoal.Protocol;

namespace Shoal.Runtime.Storage;

/// <summary>What a check found.</summary>
/// <param name="Have">The pieces that are there and right, trusted ones included.</param>
/// <param name="Partial">Blocks of other pieces that lie there, unverified.</param>
/// <param name="HashedBytes">How much was read and hashed.</param>
public sealed record CheckResult(Bitfield Have, IReadOnlyDictionary<PieceIndex, Bitfield> Partial, long HashedBytes);

/// <summary>Why a file is not as it should be.</summary>
public enum FileProblemKind : byte
{
    /// <summary>It is not there.</summary>
    Missing,

    /// <summary>It is shorter or longer.</summary>
    WrongLength,

    /// <summary>A piece that lies in it is not right; at its edges that may be the neighbour's fault.</summary>
    WrongContent,

    /// <summary>It cannot be read.</summary>
    Unreadable,
}

/// <summary>
/// A file that is not as it should be: its index in the torrent's list, its length on disk (−1: none, or not to be
/// told), and why it cannot be read, if it cannot.
/// </summary>
public readonly record struct FileProblem(int File, FileProblemKind Kind, long LengthOnDisk, StorageException? Error = null);

/// <summary>Checks content on disk against the torrent's hashes, as far as a plan asks, with all processors.</summary>
public static class ContentChecker
{
    /// <summary>
    /// Does what the plan says. <paramref name="progress"/> gets the bytes hashed so far, from any thread and sometimes out
    /// of order; <paramref name="pieceHashes"/> are 20 bytes a piece. An error of the disk never ends it: the piece counts
    /// as not there, and <see cref="PieceStore.ReadErrors"/> has the file.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Task<CheckResult> CheckAsync(
        PieceStore store, ReadOnlyMemory<byte> pieceHashes, ResumePlan plan,
        Action<long>? progress = null, CancellationToken cancellation = default) => CheckContentAsync(store, pieceHashes, plan, progress, cancellation);

    /// <summary>The same of what is sealed: the plan is of the files, the hashes are of what they are sealed to.</summary>
    /// <inheritdoc cref="CheckAsync(PieceStore, ReadOnlyMemory{byte}, ResumePlan, Action{long}?, CancellationToken)"/>
    public static Task<CheckResult> CheckAsync(
        SealedContent content, ReadOnlyMemory<byte> pieceHashes, ResumePlan plan,
        Action<long>? progress = null, CancellationToken cancellation = default) => CheckContentAsync(content, pieceHashes, plan, progress, cancellation);

    private static async Task<CheckResult> CheckContentAsync(
        IHashedContent content, ReadOnlyMemory<byte> pieceHashes, ResumePlan plan, Action<long>? progress, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(plan.PieceCount, content.Layout.PieceCount, nameof(plan));
        ArgumentOutOfRangeException.ThrowIfNotEqual(pieceHashes.Length, plan.PieceCount * PieceHash.Sha1Length, nameof(pieceHashes));
        var have = new Bitfield(plan.PieceCount);
        var pieces = Sort(content, pieceHashes, plan, have);
        var hashing = new ParallelHashing(content, pieces, progress);
        var gate = new Lock();
        await hashing.RunAsync(
            (piece, hash, error) =>
            {
                var isRight = error is null && hash == HashOf(pieceHashes, piece.Value);
                if (isRight)
                {
                    lock (gate)
                    {
                        have.Set(piece.Value);
                    }
                }
            },
            cancellation);
        var partial = plan.Partial.Where(entry => !have[entry.Key]).ToDictionary(entry => entry.Key, entry => entry.Value);
        return new CheckResult(have, partial, hashing.HashedBytes);
    }

    /// <summary>The bad files, in the torrent's order, after a check that trusted nothing.</summary>
    public static IReadOnlyList<FileProblem> FindProblems(PieceStore store, Bitfield have)
    {
        var problems = new List<FileProblem>();
        for (var i = 0; i < store.Files.Count; i++)
        {
            if (!store.IsStored(i))
            {
                continue;
            }

            var (file, length) = (store.Files[i], store.LookOrNote(i).Facts.Length);
            var pieces = store.Layout.PiecesOf(file.Offset, file.Length);
            var isWhole = length == file.Length && !(have.NextClear(pieces.First.Value) is >= 0 and var bad && bad < pieces.End);
            if (!isWhole)
            {
                var error = store.ReadErrors.GetValueOrDefault(i);
                var kind = error is not null ? FileProblemKind.Unreadable
                    : length < 0 ? FileProblemKind.Missing
                    : length != file.Length ? FileProblemKind.WrongLength
                    : FileProblemKind.WrongContent;
                problems.Add(new FileProblem(i, kind, length, error));
            }
        }

        return problems;
    }

    /// <summary>Settles what needs no reading; returns the pieces that do.</summary>
    private static int[] Sort(IHashedContent content, ReadOnlyMemory<byte> hashes, ResumePlan plan, Bitfield have)
    {
        var toRead = new List<int>();
        var zeros = new Dictionary<int, PieceHash>();
        for (var i = 0; i < plan.PieceCount; i++)
        {
            var piece = new PieceIndex(i);
            switch (plan[piece] == PieceVerdict.Hole ? content.VerdictOfHole(piece) : plan[piece])
            {
                case PieceVerdict.Trust:
                    have.Set(i);
                    break;
                case PieceVerdict.Hole:
                    var length = content.Layout.LengthOf(piece);
                    if (!zeros.TryGetValue(length, out var hash))
                    {
                        zeros[length] = hash = PieceHasher.Hash(new byte[length]);
                    }

                    if (hash == HashOf(hashes, i))
                    {
                        have.Set(i);
                    }

                    break;
                case PieceVerdict.Check:
                    toRead.Add(i);
                    break;
            }
        }

        return [.. toRead];
    }

    private static PieceHash HashOf(ReadOnlyMemory<byte> hashes, int piece) =>
        new(hashes.Span.Slice(piece * PieceHash.Sha1Length, PieceHash.Sha1Length));
}
