using System.Text;

namespace Shoal.Mpi.Copying;

/// <summary>How far a rank is.</summary>
public enum RankState : byte
{
    /// <summary>It lacks something still.</summary>
    Copying,

    /// <summary>All is there; it is being flushed and named.</summary>
    Finishing,

    /// <summary>Its copy is whole, under its final name.</summary>
    Done,

    /// <summary>Its copy cannot be completed.</summary>
    Failed,

    /// <summary>Somebody wants the job to end.</summary>
    Interrupted,
}

/// <summary>What a rank tells the first one.</summary>
internal sealed record RankNews(RankState State, long HaveBytes, string Reason = "")
{
    public byte[] Encode() => [(byte)State, .. BitConverter.GetBytes(HaveBytes), .. Encoding.UTF8.GetBytes(Reason)];

    public static RankNews Decode(ReadOnlySpan<byte> bytes) =>
        new((RankState)bytes[0], BitConverter.ToInt64(bytes[1..]), Encoding.UTF8.GetString(bytes[9..]));
}

/// <summary>What became of one rank's copy.</summary>
/// <param name="Rank">The rank.</param>
/// <param name="Node">The name of its node.</param>
/// <param name="State">Whether it is whole.</param>
/// <param name="Reason">Why it is not; empty if it is.</param>
/// <param name="MissingFiles">Files that are not there, by their paths in the destination; the first few.</param>
/// <param name="MissingCount">How many are not there.</param>
/// <param name="FetchedBytes">Bytes that came from other ranks.</param>
/// <param name="ReadBytes">Bytes that it read from the sources.</param>
/// <param name="Seconds">When it was done, from when the transfer began.</param>
public sealed record RankResult(
    int Rank, string Node, RankState State, string Reason, IReadOnlyList<string> MissingFiles, int MissingCount,
    long FetchedBytes, long ReadBytes, double Seconds)
{
    internal byte[] Encode()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(Node);
        writer.Write((byte)State);
        writer.Write(Reason);
        writer.Write(MissingFiles.Count);
        foreach (var file in MissingFiles)
        {
            writer.Write(file);
        }

        writer.Write(MissingCount);
        writer.Write(FetchedBytes);
        writer.Write(ReadBytes);
        writer.Write(Seconds);
        writer.Flush();
        return bytes.ToArray();
    }

    internal static RankResult Decode(int rank, byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
        var node = reader.ReadString();
        var state = (RankState)reader.ReadByte();
        var reason = reader.ReadString();
        var files = new string[reader.ReadInt32()];
        for (var i = 0; i < files.Length; i++)
        {
            files[i] = reader.ReadString();
        }

        return new RankResult(
            rank, node, state, reason, files, reader.ReadInt32(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadDouble());
    }
}
