using System.Buffers;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Dht;

/// <summary>KRPC, writing side (BEP 5, 32, 42, 43, 51). Allocates nothing once it has been used. Not thread-safe.</summary>
public sealed class KrpcWriter
{
    private readonly BencodeWriter _writer = new(new ArrayBufferWriter<byte>(1));

    /// <summary>Writes one message. A query without a known method is a bug of ours and throws.</summary>
    public void Write(in KrpcMessage message, IBufferWriter<byte> output)
    {
        _writer.Reset(output);
        _writer.BeginDictionary();
        switch (message.Kind)
        {
            case KrpcKind.Query:
                _writer.WriteKey("a"u8);
                WriteArguments(message);
                break;
            case KrpcKind.Error:
                _writer.WriteKey("e"u8);
                _writer.BeginList();
                _writer.WriteInteger(message.ErrorCode);
                _writer.WriteString(message.ErrorText);
                _writer.End();
                break;
            default:
                break; // a reply's body comes later in the order of keys
        }

        if (message.YourAddress.Kind != PeerAddressKind.None)
        {
            Span<byte> compact = stackalloc byte[PeerAddress.CompactLengthIPv6];
            WriteString("ip"u8, compact[..message.YourAddress.WriteCompact(compact)]);
        }

        if (message.Kind == KrpcKind.Query)
        {
            WriteString("q"u8, NameOf(message.Method));
        }
        else if (message.Kind == KrpcKind.Reply)
        {
            _writer.WriteKey("r"u8);
            WriteReply(message);
        }

        if (message.IsReadOnly)
        {
            WriteInteger("ro"u8, 1);
        }

        WriteString("t"u8, message.Transaction);
        WriteUnlessEmpty("v"u8, message.Version);
        WriteString("y"u8, message.Kind switch { KrpcKind.Query => "q"u8, KrpcKind.Reply => "r"u8, _ => "e"u8 });
        _writer.End();
    }

    private void WriteArguments(in KrpcMessage message)
    {
        _writer.BeginDictionary();
        WriteId("id"u8, message.Id);
        switch (message.Method)
        {
            case KrpcMethod.AnnouncePeer:
                if (message.HasImpliedPort)
                {
                    WriteInteger("implied_port"u8, 1);
                }

                WriteId("info_hash"u8, message.Target);
                WriteInteger("port"u8, message.Port);
                WriteString("token"u8, message.Token);
                break;
            case KrpcMethod.GetPeers:
                WriteId("info_hash"u8, message.Target);
                break;
            case KrpcMethod.FindNode or KrpcMethod.SampleInfohashes:
                WriteId("target"u8, message.Target);
                break;
            default:
                break; // a ping says only who sends it
        }

        if (message.Want != KrpcWant.Unsaid)
        {
            WriteWant(message.Want);
        }

        _writer.End();
    }

    private void WriteReply(in KrpcMessage message)
    {
        _writer.BeginDictionary();
        WriteId("id"u8, message.Id);
        var hasSamples = message.SampleIntervalSeconds >= 0;
        if (hasSamples)
        {
            WriteInteger("interval"u8, message.SampleIntervalSeconds);
        }

        WriteUnlessEmpty("nodes"u8, message.Nodes);
        WriteUnlessEmpty("nodes6"u8, message.Nodes6);
        if (hasSamples)
        {
            WriteInteger("num"u8, message.SampleTotal);
            WriteString("samples"u8, message.Samples);
        }

        WriteUnlessEmpty("token"u8, message.Token);
        if (!message.Peers.IsEmpty)
        {
            _writer.WriteKey("values"u8);
            _writer.WriteRaw(message.Peers);
        }

        _writer.End();
    }

    private void WriteWant(KrpcWant want)
    {
        _writer.WriteKey("want"u8);
        _writer.BeginList();
        if (want.HasFlag(KrpcWant.IPv4))
        {
            _writer.WriteString("n4"u8);
        }

        if (want.HasFlag(KrpcWant.IPv6))
        {
            _writer.WriteString("n6"u8);
        }

        _writer.End();
    }

    private void WriteId(ReadOnlySpan<byte> key, NodeId id)
    {
        Span<byte> bytes = stackalloc byte[NodeId.Length];
        id.WriteTo(bytes);
        WriteString(key, bytes);
    }

    private void WriteString(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _writer.WriteKey(key);
        _writer.WriteString(value);
    }

    private void WriteUnlessEmpty(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!value.IsEmpty)
        {
            WriteString(key, value);
        }
    }

    private void WriteInteger(ReadOnlySpan<byte> key, long value)
    {
        _writer.WriteKey(key);
        _writer.WriteInteger(value);
    }

    private static ReadOnlySpan<byte> NameOf(KrpcMethod method) => method switch
    {
        KrpcMethod.Ping => "ping"u8,
        KrpcMethod.FindNode => "find_node"u8,
        KrpcMethod.GetPeers => "get_peers"u8,
        KrpcMethod.AnnouncePeer => "announce_peer"u8,
        KrpcMethod.SampleInfohashes => "sample_infohashes"u8,
        _ => throw new InvalidOperationException("a query needs a method"),
    };
}
