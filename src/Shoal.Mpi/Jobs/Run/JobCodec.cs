using System.Text;
using System.Text.Json;
using Shoal.Engine.Jobs;
using Shoal.Mpi.Links;
using Shoal.Protocol;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>
/// How job messages become bytes: a byte for the kind, then its members in order; numbers little-endian, texts in UTF-8
/// with their length before them, lists with their count.
/// </summary>
internal static class JobCodec
{
    private enum Kind : byte
    {
        Register = 1,
        Refuse,
        Registered,
        HashesRequest,
        Hashes,
        Unavailable,
        SwarmRequest,
        Swarm,
        Requested,
        LoadRequest,
        Load,
        FileComplete,
        FileFailed,
        AllComplete,
        Stop,
    }

    /// <summary>With which tag a rank sends the message: the tracker's differ from the peers', and loads from both.</summary>
    public static int TagOf(int from, JobMessage message) =>
        message is JobMessage.LoadRequest or JobMessage.Load ? Tags.Load : from == 0 ? Tags.TrackerReply : Tags.TrackerRequest;

    /// <summary>The message as bytes.</summary>
    public static byte[] Write(JobMessage message)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        switch (message)
        {
            case JobMessage.Register register:
                Begin(writer, Kind.Register);
                WriteList(writer, register.Owned, WriteFile);
                break;
            case JobMessage.Refuse refuse:
                Begin(writer, Kind.Refuse, refuse.Reason);
                break;
            case JobMessage.Registered:
                Begin(writer, Kind.Registered);
                break;
            case JobMessage.HashesRequest request:
                Begin(writer, Kind.HashesRequest, request.File);
                break;
            case JobMessage.Hashes hashes:
                Begin(writer, Kind.Hashes);
                WriteFile(writer, hashes.File);
                break;
            case JobMessage.Unavailable unavailable:
                Begin(writer, Kind.Unavailable, unavailable.File, unavailable.Reason);
                break;
            case JobMessage.SwarmRequest request:
                Begin(writer, Kind.SwarmRequest, request.File);
                break;
            case JobMessage.Swarm swarm:
                Begin(writer, Kind.Swarm, swarm.File);
                WriteList(writer, swarm.Holders, static (writer, holder) => writer.Write(holder));
                break;
            case JobMessage.Requested requested:
                Begin(writer, Kind.Requested);
                WriteList(writer, requested.Requests, static (writer, asked) =>
                {
                    writer.Write(asked.Rank);
                    writer.Write(asked.Count);
                });
                break;
            case JobMessage.LoadRequest request:
                Begin(writer, Kind.LoadRequest);
                writer.Write(request.Round);
                break;
            case JobMessage.Load load:
                Begin(writer, Kind.Load);
                writer.Write(load.Round);
                writer.Write(load.UploadedCount);
                break;
            case JobMessage.FileComplete complete:
                Begin(writer, Kind.FileComplete, complete.File);
                break;
            case JobMessage.FileFailed failed:
                Begin(writer, Kind.FileFailed, failed.File, failed.Reason);
                writer.Write(failed.Rank);
                break;
            case JobMessage.AllComplete:
                Begin(writer, Kind.AllComplete);
                break;
            case JobMessage.Stop stop:
                Begin(writer, Kind.Stop);
                writer.Write(stop.IsRefused);
                WriteList(writer, stop.Failures, static (writer, failure) => writer.Write(failure));
                break;
            default:
                throw new InvalidOperationException($"{message.GetType().Name} has no bytes");
        }

        return stream.ToArray();
    }

    /// <summary>The message that a rank sent.</summary>
    /// <exception cref="MpiException">It is none: the rank runs another program.</exception>
    public static JobMessage Read(int from, ReadOnlyMemory<byte> bytes)
    {
        using var stream = new MemoryStream(bytes.ToArray(), writable: false);
        using var reader = new BinaryReader(stream, Encoding.UTF8);
        try
        {
            var message = Read(reader);
            return stream.Position == stream.Length ? message : throw new InvalidDataException("there is more than the message");
        }
        catch (Exception error) when (error is IOException or InvalidDataException or ArgumentException or FormatException)
        {
            throw new MpiException($"rank {from} sent a job message that cannot be read: {error.Message}");
        }
    }

    /// <summary>The name of the message's kind, as traces have it.</summary>
    public static string KindOf(ReadOnlySpan<byte> bytes) =>
        JsonNamingPolicy.KebabCaseLower.ConvertName(bytes.IsEmpty ? "none" : ((Kind)bytes[0]).ToString());

    /// <summary>Writes what the message says, in brief, as members of the object that is open.</summary>
    public static void Describe(JobMessage message, Utf8JsonWriter writer)
    {
        switch (message)
        {
            case JobMessage.Register register:
                writer.WriteNumber("files", register.Owned.Count);
                writer.WriteNumber("segments", register.Owned.Sum(file => file.SegmentCount));
                break;
            case JobMessage.Refuse refuse:
                writer.WriteString("reason", refuse.Reason);
                break;
            case JobMessage.HashesRequest request:
                writer.WriteString("file", request.File);
                break;
            case JobMessage.Hashes hashes:
                writer.WriteString("file", hashes.File.Name);
                writer.WriteNumber("segments", hashes.File.SegmentCount);
                break;
            case JobMessage.Unavailable unavailable:
                writer.WriteString("file", unavailable.File);
                writer.WriteString("reason", unavailable.Reason);
                break;
            case JobMessage.SwarmRequest request:
                writer.WriteString("file", request.File);
                break;
            case JobMessage.Swarm swarm:
                writer.WriteString("file", swarm.File);
                WriteRanks(writer, "holders", swarm.Holders);
                break;
            case JobMessage.Requested requested:
                WriteRanks(writer, "ranks", requested.Requests.Select(asked => asked.Rank));
                WriteRanks(writer, "counts", requested.Requests.Select(asked => asked.Count));
                break;
            case JobMessage.LoadRequest request:
                writer.WriteNumber("round", request.Round);
                break;
            case JobMessage.Load load:
                writer.WriteNumber("round", load.Round);
                writer.WriteNumber("uploaded", load.UploadedCount);
                break;
            case JobMessage.FileComplete complete:
                writer.WriteString("file", complete.File);
                break;
            case JobMessage.FileFailed failed:
                writer.WriteString("file", failed.File);
                writer.WriteNumber("rank", failed.Rank);
                writer.WriteString("reason", failed.Reason);
                break;
            case JobMessage.Stop stop:
                writer.WriteNumber("failures", stop.Failures.Count);
                break;
            default:
                break;
        }
    }

    private static JobMessage Read(BinaryReader reader) => (Kind)reader.ReadByte() switch
    {
        Kind.Register => new JobMessage.Register(ReadList(reader, ReadFile)),
        Kind.Refuse => new JobMessage.Refuse(reader.ReadString()),
        Kind.Registered => new JobMessage.Registered(),
        Kind.HashesRequest => new JobMessage.HashesRequest(reader.ReadString()),
        Kind.Hashes => new JobMessage.Hashes(ReadFile(reader)),
        Kind.Unavailable => new JobMessage.Unavailable(reader.ReadString(), reader.ReadString()),
        Kind.SwarmRequest => new JobMessage.SwarmRequest(reader.ReadString()),
        Kind.Swarm => new JobMessage.Swarm(reader.ReadString(), ReadList(reader, static reader => reader.ReadInt32())),
        Kind.Requested => new JobMessage.Requested(
            ReadList(reader, static reader => new RankCount(reader.ReadInt32(), reader.ReadInt32()))),
        Kind.LoadRequest => new JobMessage.LoadRequest(reader.ReadInt32()),
        Kind.Load => new JobMessage.Load(reader.ReadInt32(), reader.ReadInt64()),
        Kind.FileComplete => new JobMessage.FileComplete(reader.ReadString()),
        Kind.FileFailed => ReadFileFailed(reader),
        Kind.AllComplete => new JobMessage.AllComplete(),
        Kind.Stop => new JobMessage.Stop(reader.ReadBoolean(), ReadList(reader, static reader => reader.ReadString())),
        var kind => throw new InvalidDataException($"there is no kind {(int)kind}"),
    };

    private static JobMessage.FileFailed ReadFileFailed(BinaryReader reader)
    {
        var (file, reason) = (reader.ReadString(), reader.ReadString());
        return new JobMessage.FileFailed(file, reader.ReadInt32(), reason);
    }

    private static JobFile ReadFile(BinaryReader reader)
    {
        var (name, length, segmentLength, count) = (reader.ReadString(), reader.ReadInt64(), reader.ReadInt32(), reader.ReadInt32());
        var layout = new PieceLayout(length, segmentLength);
        return layout.PieceCount == count && reader.ReadBytes(count * PieceHash.Sha1Length) is { } hashes && hashes.Length == count * PieceHash.Sha1Length
            ? new JobFile(name, length, segmentLength, hashes)
            : throw new InvalidDataException($"'{name}' has not as many hashes as its length wants");
    }

    private static void WriteFile(BinaryWriter writer, JobFile file)
    {
        writer.Write(file.Name);
        writer.Write(file.Length);
        writer.Write(file.SegmentLength);
        writer.Write(file.SegmentCount);
        writer.Write(file.Hashes.Span);
    }

    private static List<T> ReadList<T>(BinaryReader reader, Func<BinaryReader, T> read)
    {
        var list = new List<T>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            list.Add(read(reader));
        }

        return list;
    }

    private static void WriteList<T>(BinaryWriter writer, IReadOnlyList<T> list, Action<BinaryWriter, T> write)
    {
        writer.Write(list.Count);
        foreach (var item in list)
        {
            write(writer, item);
        }
    }

    private static void Begin(BinaryWriter writer, Kind kind, params ReadOnlySpan<string> texts)
    {
        writer.Write((byte)kind);
        foreach (var text in texts)
        {
            writer.Write(text);
        }
    }

    private static void WriteRanks(Utf8JsonWriter writer, string name, IEnumerable<int> ranks)
    {
        writer.WriteStartArray(name);
        foreach (var rank in ranks)
        {
            writer.WriteNumberValue(rank);
        }

        writer.WriteEndArray();
    }
}
