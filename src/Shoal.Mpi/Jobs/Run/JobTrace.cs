using System.Buffers;
using System.Diagnostics;
using System.Numerics;
using System.Text.Json;
using Shoal.Mpi.Links;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>
/// Writes each message that this rank sends as one JSON line: time (seconds since the job began), from, to, tag, kind,
/// fields. Lines are short, whatever the message, and in the order in which messages were handed to the transport.
/// </summary>
internal sealed class JobTrace(Stream output, Func<InfoHash, string?> nameOf) : IMessageTrace
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly ArrayBufferWriter<byte> _line = new();

    // Which file a link is about: its handshake tells, which goes first.
    private readonly Dictionary<LinkName, string> _files = [];

    /// <inheritdoc/>
    public void Message(int from, int to, int tag, ReadOnlySpan<byte> bytes)
    {
        using var writer = Begin(from, to, tag, JobCodec.KindOf(bytes));
        JobCodec.Describe(JobCodec.Read(from, bytes.ToArray()), writer);
        End(writer);
    }

    /// <inheritdoc/>
    public void Payload(int from, int to, int tag, BlockRequest block)
    {
        using var writer = Begin(from, to, tag, "payload");
        WriteBlock(writer, block);
        writer.WriteNumber("slot", tag - Tags.FirstPayload);
        End(writer);
    }

    /// <inheritdoc/>
    void IMessageTrace.Record(int from, int to, in ControlRecord record)
    {
        using var writer = Begin(from, to, Tags.Control, KindOf(record));
        Describe(record, writer);
        End(writer);
    }

    private static string KindOf(in ControlRecord record) => record.Kind switch
    {
        ControlKind.Message => JsonNamingPolicy.KebabCaseLower.ConvertName(record.Message.Kind.ToString()),
        ControlKind.Refuse => "nack",
        _ => JsonNamingPolicy.KebabCaseLower.ConvertName(record.Kind.ToString()),
    };

    private void Describe(in ControlRecord record, Utf8JsonWriter writer)
    {
        if (record.Kind is ControlKind.Alive or ControlKind.Farewell)
        {
            return;
        }

        writer.WriteString("link", $"{record.Link.Opener}/{record.Link.Number}");
        var message = record.Message;
        if (record.Kind == ControlKind.Message && message.Kind == PeerMessageKind.Handshake &&
            Handshake.TryRead(message.Payload.Span, out var handshake) && nameOf(handshake.InfoHash) is { } name)
        {
            _files[record.Link] = name;
        }

        if (_files.TryGetValue(record.Link, out var file))
        {
            writer.WriteString("file", file);
        }

        switch (record.Kind)
        {
            case ControlKind.Request or ControlKind.Refuse:
                WriteBlock(writer, message.Block);
                writer.WriteNumber("slot", record.Slot);
                break;
            case ControlKind.Close:
                writer.WriteString("reason", message.Payload.Span);
                break;
            case ControlKind.Message when message.Kind == PeerMessageKind.Have:
                writer.WriteNumber("segment", message.Piece.Value);
                break;
            case ControlKind.Message when message.Kind == PeerMessageKind.Bitfield:
                writer.WriteNumber("count", CountOf(message.Payload.Span)); // a line must stay short
                break;
            case ControlKind.Message when message.Kind is PeerMessageKind.Cancel:
                WriteBlock(writer, message.Block);
                break;
            default:
                break;
        }
    }

    private static int CountOf(ReadOnlySpan<byte> bits)
    {
        var count = 0;
        foreach (var octet in bits)
        {
            count += BitOperations.PopCount(octet);
        }

        return count;
    }

    private static void WriteBlock(Utf8JsonWriter writer, BlockRequest block)
    {
        writer.WriteNumber("segment", block.Piece.Value);
        writer.WriteNumber("length", block.Length);
    }

    private Utf8JsonWriter Begin(int from, int to, int tag, string kind)
    {
        _line.ResetWrittenCount();
        var writer = new Utf8JsonWriter(_line);
        writer.WriteStartObject();
        writer.WriteNumber("time", Math.Round(Stopwatch.GetElapsedTime(_start).TotalSeconds, 6));
        writer.WriteNumber("from", from);
        writer.WriteNumber("to", to);
        writer.WriteNumber("tag", tag);
        writer.WriteString("kind", kind);
        writer.WriteStartObject("fields");
        return writer;
    }

    private void End(Utf8JsonWriter writer)
    {
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        output.Write(_line.WrittenSpan);
        output.WriteByte((byte)'\n');
    }
}
