using System.Security.Cryptography;
using Shoal.Protocol;
using Shoal.Protocol.Metadata;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// The info dictionary from peers and to peers (BEP 9). It is fetched from one peer at a time, so that one whose copy
/// has the wrong hash is known to be a liar; a peer that stalls, or takes too long, gives way to the next and is asked
/// again later, and with more patience.
/// </summary>
internal sealed class MetadataExchange(Swarm swarm, SwarmContext context, Privacy privacy)
{
    /// <summary>The id under which we take metadata messages.</summary>
    public const byte ExtensionId = 2;

    /// <summary>The longest info dictionary we accept: 16 MiB (a torrent of a million small files).</summary>
    public const int MaximumLength = 16 * 1024 * 1024;

    private const int PipelineDepth = 8;
    private static readonly TimeSpan StallTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(30);

    private PeerConnection? _source;
    private byte[] _bytes = [];
    private Bitfield _received = new(0);
    private int _requestedCount;
    private Instant _progressAt;
    private Instant _beganAt;

    /// <summary>Whether the info dictionary is yet to be found.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Takes a peer that has the metadata as source, if there is none.</summary>
    public void Advance()
    {
        if (!IsWanted || _source is not null)
        {
            return;
        }

        // The one that let us wait the longest ago comes first again: order of links, stalled ones last.
        PeerConnection? best = null;
        foreach (var connection in context.Connections)
        {
            if (connection is { Phase: ConnectionPhase.Open, MetadataExtensionId: > 0, MetadataLength: > 0 and <= MaximumLength } &&
                connection.MetadataRetryAt <= context.Now &&
                (best is null || connection.MetadataFailureCount < best.MetadataFailureCount))
            {
                best = connection;
            }
        }

        if (best is null)
        {
            return;
        }

        _source = best;
        _bytes = new byte[best.MetadataLength];
        _received = new Bitfield((best.MetadataLength + MetadataMessage.PieceLength - 1) / MetadataMessage.PieceLength);
        _requestedCount = 0;
        _progressAt = context.Now;
        _beganAt = context.Now;
        AskMore();
    }

    /// <summary>A metadata message came. A text is a reason to hang up.</summary>
    public string? Received(PeerConnection connection, ReadOnlyMemory<byte> body)
    {
        if (MetadataMessage.TryRead(body, out var message) is { } violation)
        {
            return violation.Text;
        }

        switch (message.Kind)
        {
            case MetadataMessageKind.Request:
                return Serve(connection, message.Piece);
            case MetadataMessageKind.Data when connection == _source:
                return Take(message.Piece, message.Data.Span);
            case MetadataMessageKind.Reject when connection == _source:
                GiveUpSource();
                return null;
            default:
                return null; // late, or of a kind to come
        }
    }

    public void Closed(PeerConnection connection)
    {
        if (connection == _source)
        {
            _source = null;
            Advance();
        }
    }

    public void Tick()
    {
        if (_source is not null && (context.Now - _progressAt > StallTime || context.Now - _beganAt > PatienceWith(_source)))
        {
            GiveUpSource();
        }
        else
        {
            Advance();
        }
    }

    private void GiveUpSource()
    {
        _source!.MetadataFailureCount++;
        _source.MetadataRetryAt = context.Now + StallTime;
        _source = null;
        Advance();
    }

    private static TimeSpan PatienceWith(PeerConnection source) => FirstPatience * (1 << Math.Min(source.MetadataFailureCount, 8));

    private string? Take(int piece, ReadOnlySpan<byte> payload)
    {
        if ((uint)piece >= (uint)_received.Length || payload.Length != LengthOf(piece, _bytes.Length))
        {
            return $"sends {payload.Length} bytes as metadata piece {piece} of {_received.Length}";
        }

        if (!_received.Set(piece))
        {
            return null;
        }

        payload.CopyTo(_bytes.AsSpan(piece * MetadataMessage.PieceLength));
        _progressAt = context.Now;
        if (!_received.IsFull)
        {
            AskMore();
            return null;
        }

        if (new InfoHash(SHA1.HashData(_bytes)) != context.Options.InfoHash)
        {
            var liar = _source!;
            _source = null;
            swarm.Links.Ban(liar, "sent metadata with the wrong hash");
            Advance();
            return null;
        }

        IsWanted = false;
        _source = null;
        context.Emit(new SwarmEvent.MetadataReceived(_bytes));
        privacy.Known(MetainfoReader.SaysPrivate(_bytes)); // before it is known what is on disk, which may take long
        _bytes = [];
        return null;
    }

    private void AskMore()
    {
        while (_requestedCount < _received.Length && _requestedCount - _received.Count < PipelineDepth)
        {
            Send(_source!, new MetadataMessage(MetadataMessageKind.Request, _requestedCount++));
        }
    }

    private string? Serve(PeerConnection connection, int piece)
    {
        if (connection.MetadataExtensionId == 0)
        {
            return "asks for metadata without having said how to answer";
        }

        var info = context.Content?.InfoBytes ?? default;
        var count = (info.Length + MetadataMessage.PieceLength - 1) / MetadataMessage.PieceLength;
        // Twice over is enough for anybody; a peer that goes on asking only wants to keep us busy.
        if ((uint)piece >= (uint)count || connection.MetadataBytesSent > (2L * info.Length) + MetadataMessage.PieceLength)
        {
            Send(connection, new MetadataMessage(MetadataMessageKind.Reject, piece));
            return ++connection.OffenceCount > 1000 ? "floods us with requests for metadata" : null;
        }

        var length = LengthOf(piece, info.Length);
        connection.MetadataBytesSent += length;
        Send(connection, new MetadataMessage(
            MetadataMessageKind.Data, piece, info.Length, info.Slice(piece * MetadataMessage.PieceLength, length)));
        return null;
    }

    private void Send(PeerConnection connection, MetadataMessage message) =>
        context.Send(connection, message.ToMessage(connection.MetadataExtensionId));

    private static int LengthOf(int piece, int total) =>
        Math.Min(MetadataMessage.PieceLength, total - (piece * MetadataMessage.PieceLength));
}
