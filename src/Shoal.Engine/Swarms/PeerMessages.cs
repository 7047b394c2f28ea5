using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// What each message from a peer means (BEP 3, 6, 9, 10, 11), and what we say first. A message that breaks the protocol ends
/// the link; one that merely crossed with ours on the way is let pass.
/// </summary>
internal sealed class PeerMessages(
    Swarm swarm, SwarmContext context, Uploader uploader, MetadataExchange metadata, PeerExchange exchange)
{
    /// <summary>More haves than this in one go, and reconnecting is cheaper.</summary>
    private const int MaximumHaveBurst = 20_000;

    /// <summary>So many costly messages in about a second are an attack.</summary>
    private const int MaximumFloodCount = 1000;

    /// <summary>A bitfield stands for dozens of haves, so nobody needs this many (see <see cref="HasThese"/>).</summary>
    private const int MaximumBitfieldCount = 250;

    private readonly NodePorts _nodes = new(context);

    /// <summary>The handshake is done: pieces first, as BEP 3 and 6 demand, then what we can (BEP 10).</summary>
    public void Introduce(PeerConnection connection)
    {
        if (context.Layout is { } layout)
        {
            connection.Has = new Bitfield(layout.PieceCount);
            if (context.TellsPieces)
            {
                ShowPieces(connection);
                GrantFast(connection);
            }
            else
            {
                context.Send(connection, PeerMessageKind.HaveNone); // BEP 6 wants something; it means nothing
                AssumeAll(connection);
            }
        }
        else if (connection.SupportsFast)
        {
            context.Send(connection, PeerMessageKind.HaveNone);
        }

        _nodes.Introduce(connection);
        if (connection.SupportsExtensions)
        {
            context.Send(connection, new ExtensionHandshake
            {
                MetadataId = MetadataExchange.ExtensionId,
                PexId = exchange.IsOffered ? PeerExchange.ExtensionId : null,
                PrefersEncryption = context.Options.PrefersEncryption,
                MetadataSize = context.Content?.InfoBytes.Length ?? 0,
                ClientVersion = Client.NameAndVersion,
                ListenPort = (ushort)(SwarmContext.IsBeyondRouter(connection.Address) ? context.ListenPort : context.Options.ListenPort),
                RequestQueueLength = UploadQueue.Limit,
                YourAddress = connection.Address.WithPort(0),
            }.ToMessage());
        }
    }

    /// <summary>The content became known while the link was open.</summary>
    public void ContentKnown(PeerConnection connection)
    {
        if (connection.Phase != ConnectionPhase.Open)
        {
            return;
        }

        if (!context.TellsPieces)
        {
            connection.Has = new Bitfield(context.Layout!.PieceCount);
            AssumeAll(connection);
            swarm.Downloader.Fill(connection);
            return;
        }

        if (connection.Early.Resolve(context.Layout!) is not { } has)
        {
            swarm.Links.Ban(connection, "told of pieces that do not exist");
            return;
        }

        connection.Has = has;
        context.Picker!.AddAvailability(has);
        var ours = context.Picker.Have;
        if (ours.Count > MaximumHaveBurst)
        {
            swarm.Links.Close(connection, "to tell of our pieces anew");
            return;
        }

        for (var piece = ours.NextSet(0); piece >= 0; piece = ours.NextSet(piece + 1))
        {
            context.Send(connection, PeerMessage.Have(new PieceIndex(piece)));
        }

        swarm.Downloader.RecountInterest(connection);
        swarm.Downloader.Fill(connection);
        swarm.Links.CloseIfUseless(connection);
    }

    public void Handle(PeerConnection connection, in PeerMessage message)
    {
        if (connection.Phase == ConnectionPhase.Handshaking)
        {
            if (Handshake.TryRead(message.Payload.Span, out var handshake))
            {
                swarm.Links.ShookHands(connection, handshake);
            }
            else
            {
                swarm.Links.Close(connection, "sent no handshake");
            }

            return;
        }

        if (connection.Phase == ConnectionPhase.Open && Obey(connection, message) is { } violation)
        {
            swarm.Links.Ban(connection, violation);
        }
    }

    private string? Obey(PeerConnection connection, in PeerMessage message)
    {
        if (IsCostly(message.Kind) && ++connection.FloodCount > MaximumFloodCount && !context.IsTrusted)
        {
            return $"floods us with messages ({message.Kind})";
        }

        switch (message.Kind)
        {
            case PeerMessageKind.Choke:
                Choked(connection);
                return null;
            case PeerMessageKind.Unchoke:
                connection.IsChoking = false;
                swarm.Downloader.Fill(connection);
                return null;
            case PeerMessageKind.Interested:
                uploader.SetInterested(connection, true);
                return null;
            case PeerMessageKind.NotInterested:
                uploader.SetInterested(connection, false);
                return null;
            case PeerMessageKind.Have:
                return Has(connection, message.Piece);
            case PeerMessageKind.Bitfield or PeerMessageKind.HaveAll or PeerMessageKind.HaveNone:
                return HasThese(connection, message);
            case PeerMessageKind.Request:
                return uploader.Requested(connection, message.Block);
            case PeerMessageKind.Cancel:
                uploader.Cancelled(connection, message.Block);
                return null;
            case PeerMessageKind.RejectRequest when connection.SupportsFast:
                swarm.Downloader.Rejected(connection, message.Block);
                return null;
            case PeerMessageKind.AllowedFast when connection.SupportsFast:
                return AllowFast(connection, message.Piece);
            case PeerMessageKind.Extended:
                return Extended(connection, message);
            case PeerMessageKind.SuggestPiece when connection.SupportsFast:
                return Suggested(connection, message.Piece);
            case PeerMessageKind.Port:
                _nodes.Heard(connection, message.Begin);
                return null;
            case PeerMessageKind.KeepAlive or PeerMessageKind.SuggestPiece:
                return null;
            default:
                return $"sent {message.Kind} where it has no place";
        }
    }

    private static bool IsCostly(PeerMessageKind kind) => kind is <= PeerMessageKind.NotInterested
        or PeerMessageKind.Bitfield or PeerMessageKind.HaveAll or PeerMessageKind.HaveNone or PeerMessageKind.Extended;

    private void Choked(PeerConnection connection)
    {
        connection.IsChoking = true;
        if (!connection.SupportsFast)
        {
            swarm.Downloader.ForgetAll(connection); // BEP 3: whoever chokes drops what was asked; BEP 6 rejects one by one
            swarm.Downloader.FillAll();
        }
    }

    private string? Has(PeerConnection connection, PieceIndex piece)
    {
        if (!context.TellsPieces)
        {
            return null;
        }

        if (connection.Has is not { } has)
        {
            return connection.Early.TryAdd(piece) ? null : "tells of more pieces than we can remember";
        }

        if (!context.Layout!.Contains(piece))
        {
            return $"has piece {piece}, which does not exist";
        }

        if (has.Set(piece.Value))
        {
            context.Picker!.AddAvailability(piece);
            swarm.Downloader.PeerGot(connection, piece);
            swarm.Links.CloseIfUseless(connection);
        }

        return null;
    }

    /// <summary>
    /// All the peer has, at once. BEP 3 allows it as the first message only, but aria2 sends one later in place of many
    /// haves: the latest counts.
    /// </summary>
    private string? HasThese(PeerConnection connection, in PeerMessage message)
    {
        if (message.Kind != PeerMessageKind.Bitfield && !connection.SupportsFast)
        {
            return $"sent {message.Kind} without the fast extension";
        }

        if (++connection.BitfieldCount > MaximumBitfieldCount)
        {
            return "floods us with bitfields";
        }

        if (!context.TellsPieces)
        {
            return null;
        }

        if (connection.Has is not { } before)
        {
            Remember(connection, message);
            return null;
        }

        var has = message.Kind == PeerMessageKind.Bitfield
            ? Bitfield.TryRead(message.Payload.Span, before.Length)
            : new Bitfield(before.Length);
        if (has is null)
        {
            return $"sent a bitfield of {message.Payload.Length} bytes that does not fit {before.Length} pieces";
        }

        if (message.Kind == PeerMessageKind.HaveAll)
        {
            has.SetAll();
        }

        context.Picker!.RemoveAvailability(before);
        context.Picker.AddAvailability(has);
        connection.Has = has;
        swarm.Downloader.RecountInterest(connection);
        swarm.Downloader.Fill(connection);
        swarm.Links.CloseIfUseless(connection);
        return null;
    }

    private static void Remember(PeerConnection connection, in PeerMessage message)
    {
        connection.Early.Set(
            message.Kind == PeerMessageKind.HaveAll, message.Kind == PeerMessageKind.Bitfield ? message.Payload : default(ReadOnlyMemory<byte>?));
    }

    private string? AllowFast(PeerConnection connection, PieceIndex piece)
    {
        if (context.Layout is not { } layout || !layout.Contains(piece))
        {
            return context.Layout is null ? null : $"allows piece {piece}, which does not exist";
        }

        connection.AllowedFast ??= new Bitfield(layout.PieceCount);
        if (connection.AllowedFast.Count < PeerConnection.MaximumAllowedFastCount && connection.AllowedFast.Set(piece.Value))
        {
            swarm.Downloader.Fill(connection);
        }

        return null;
    }

    private string? Suggested(PeerConnection connection, PieceIndex piece)
    {
        if (context.Layout is not { } layout || !layout.Contains(piece))
        {
            return context.Layout is null ? null : $"suggests piece {piece}, which does not exist";
        }

        var suggested = connection.Suggested ??= new Queue<PieceIndex>();
        if (suggested.Count == PeerConnection.MaximumSuggestedCount)
        {
            suggested.Dequeue();
        }

        suggested.Enqueue(piece);
        return null;
    }

    private string? Extended(PeerConnection connection, in PeerMessage message)
    {
        if (!connection.SupportsExtensions)
        {
            return "sent an extended message without having offered extensions";
        }

        if (message.Begin == MetadataExchange.ExtensionId)
        {
            return metadata.Received(connection, message.Payload);
        }

        if (message.Begin == PeerExchange.ExtensionId)
        {
            return exchange.Received(connection, message.Payload.Span);
        }

        if (message.Begin != ExtensionHandshake.Id)
        {
            return null; // an extension that we did not offer
        }

        if (ExtensionHandshake.TryRead(message.Payload.Span, out var handshake) is { } violation)
        {
            return violation.Text;
        }

        connection.Client = handshake.ClientVersion ?? connection.Client;
        connection.MetadataExtensionId = handshake.MetadataId ?? connection.MetadataExtensionId;
        connection.MetadataLength = handshake.MetadataSize > 0 ? handshake.MetadataSize : connection.MetadataLength;
        connection.ListenPort = handshake.ListenPort > 0 ? handshake.ListenPort : connection.ListenPort;
        connection.PrefersEncryption |= handshake.PrefersEncryption;
        if (handshake.PexId is { } pexId)
        {
            exchange.Offered(connection, pexId);
        }

        if (handshake.RequestQueueLength > 0)
        {
            connection.Pipeline.PeerLimit = handshake.RequestQueueLength;
        }

        metadata.Advance();
        return null;
    }

    // Who has what only shows when it is asked for it.
    private void AssumeAll(PeerConnection connection)
    {
        connection.Has!.SetAll();
        context.Picker!.AddAvailability(connection.Has);
        swarm.Downloader.RecountInterest(connection);
    }

    private void ShowPieces(PeerConnection connection)
    {
        var have = context.Picker!.Have;
        if (connection.SupportsFast && have.IsFull && have.Length > 0)
        {
            context.Send(connection, PeerMessageKind.HaveAll);
        }
        else if (connection.SupportsFast && have.IsEmpty)
        {
            context.Send(connection, PeerMessageKind.HaveNone);
        }
        else if (!have.IsEmpty)
        {
            context.Send(connection, PeerMessage.Bitfield(have.Bytes.ToArray()));
        }
    }

    private void GrantFast(PeerConnection connection)
    {
        if (!connection.SupportsFast || context.Picker!.Have.IsEmpty || context.IsTrusted)
        {
            return;
        }

        AllowedFastSet.Compute(
            context.Options.InfoHash, connection.Address, context.Layout!.PieceCount, AllowedFastSet.Count, connection.GrantedFast);
        foreach (var piece in connection.GrantedFast)
        {
            connection.GrantedFastBytes += context.Layout.LengthOf(piece);
            context.Send(connection, PeerMessage.AllowedFast(piece));
        }
    }
}
