using Shoal.Engine.Announcing;
using Shoal.Engine.Picking;
using Shoal.Engine.Sessions;
using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// One torrent seen from one peer (BEP 3): takes what happens apart by kind, hands it to the part that decides, and ties
/// the parts together. Begins without content if only the info-hash is known (BEP 9). See <see cref="IMachine"/> for the
/// law of driving it. Inputs and outputs speak of pieces that are whole, blocks that lie in slots, and links that are
/// messages: never of bytes, files or sockets.
/// </summary>
public sealed class Swarm : IMachine
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);

    private readonly OutputQueue _outputs;
    private readonly SwarmContext _context;
    private readonly AnnouncePlan _announces;
    private readonly Announcements _announcements;
    private readonly MetadataExchange _metadata;
    private readonly PeerExchange _exchange;
    private readonly Privacy _privacy;
    private readonly Uploader _uploader;
    private readonly PeerMessages _messages;
    private readonly Departure _departure;
    private readonly Losses _losses;
    private readonly OtherWays _otherWays;
    private Instant _nextTickAt;
    private bool _isCompleteTold;

    /// <summary>A swarm by itself, as simulations and tests want it.</summary>
    public Swarm(SwarmId id, SwarmOptions options, PeerId self, ulong seed)
        : this(id, options, self, new Prng(seed), new SessionLimits(), new OutputQueue())
    {
    }

    internal Swarm(SwarmId id, SwarmOptions options, PeerId self, Prng prng, SessionLimits limits, OutputQueue outputs)
    {
        _outputs = outputs;
        _context = new SwarmContext(id, options, self, prng, limits, outputs);
        _announces = new AnnouncePlan(options.Trackers, options.AnnouncesToAll, prng);
        _exchange = new PeerExchange(this, _context);
        _privacy = new Privacy(this, _context, _exchange);
        _metadata = new MetadataExchange(this, _context, _privacy);
        _uploader = new Uploader(_context);
        _losses = new Losses(_context);
        _otherWays = new OtherWays(this, _context, _uploader);
        Links = new Links(this, _context, _uploader);
        Downloader = new Downloader(this, _context);
        Interest = new Interest(_context);
        Suspects = new Suspects(this, _context);
        _messages = new PeerMessages(this, _context, _uploader, _metadata, _exchange);
        _announcements = new Announcements(this, _context, _announces);
        _departure = new Departure(this, _context, _uploader, _announces);
    }

    /// <summary>Where the swarm is in its life.</summary>
    public SwarmPhase Phase { get; private set; }

    /// <summary>Which torrent.</summary>
    public InfoHash InfoHash => _context.Options.InfoHash;

    /// <inheritdoc/>
    public Instant Deadline { get; private set; } = Instant.Never;

    internal IReadOnlyList<PeerConnection> Connections => _context.Connections;

    internal Links Links { get; }

    internal Downloader Downloader { get; }

    internal Interest Interest { get; }

    internal Suspects Suspects { get; }

    /// <summary>Null until the content is known.</summary>
    internal PieceFlow? Flow { get; private set; }

    /// <inheritdoc/>
    /// <remarks>After the event Stopped nothing has any effect: answers of trackers and links may come late.</remarks>
    public void Handle(Instant now, in Input input)
    {
        if (Phase == SwarmPhase.Stopped)
        {
            return;
        }

        _context.Now = now;
        _context.IsPlanOld |= input.Kind is not (InputKind.Message or InputKind.BlockReceived or InputKind.BlocksSent or InputKind.BlockDiscarded);
        switch (input.Kind)
        {
            case InputKind.BlockReceived when _context.Find(input.Link) is { } connection:
                connection.LastReceivedAt = now;
                Downloader.Received(connection, input.Message.Block);
                break;
            case InputKind.Message when _context.Find(input.Link) is { } connection:
                connection.LastReceivedAt = now;
                _messages.Handle(connection, input.Message);
                break;
            case InputKind.BlocksSent when _context.Find(input.Link) is { } connection:
                _uploader.Sent(connection, input.Count, input.Bytes);
                break;
            case InputKind.BlockDiscarded when _context.Find(input.Link) is { } connection:
                connection.LastReceivedAt = now;
                Downloader.Discarded(connection, input.Message.Block);
                break;
            case InputKind.LinkOpened:
                Links.Opened(input.Link, input.Address);
                break;
            case InputKind.LinkClosed:
                Links.Closed(input.Link, (string?)input.Detail);
                break;
            case InputKind.Timer:
                Tick();
                break;
            default:
                HandleRare(input);
                break;
        }

        if (_context.IsPlanOld || Phase == SwarmPhase.Stopping)
        {
            Plan();
        }
    }

    /// <inheritdoc/>
    public bool TryPoll(out Output output) => _outputs.TryDequeue(out output);

    /// <inheritdoc/>
    public void Warm(InputKind kind, LinkId link, PieceIndex piece, int step)
    {
        if (step == 0)
        {
            Warming.Parts(_context, _messages, Downloader, _outputs, kind == InputKind.Message ? null : _uploader, Flow);
        }

        Warming.Step(_context, kind, link, piece, step);
    }

    /// <summary>How the swarm stands. The answer is a copy; ask on the turn of the swarm's owner.</summary>
    public SwarmStatus Status() => SwarmReport.Of(Phase, _context, _announces, _losses);

    /// <summary>A link got through its handshake: say what we have, and what we can.</summary>
    internal void Introduce(PeerConnection connection) => _messages.Introduce(connection);

    /// <summary>A link is about to go: nothing may be left that waits for it.</summary>
    internal void Leave(PeerConnection connection)
    {
        if (connection.Phase == ConnectionPhase.Open)
        {
            Suspects.Departed(connection);
        }

        if (_context.Picker is { } picker)
        {
            Downloader.ForgetAll(connection);
            if (connection.Has is { } has)
            {
                picker.RemoveAvailability(has);
            }
        }

        connection.Phase = ConnectionPhase.Closing;
        Interest.Left(connection);
        _metadata.Closed(connection);
        if (_context.Picker is not null)
        {
            Downloader.FillAll();
        }
    }

    /// <summary>A piece is verified and in its place: everybody may know.</summary>
    /// <param name="piece">Which.</param>
    /// <param name="wasSlotAwaited">Whether no other slot was free, so that links may have waited for that of the piece.</param>
    internal void PieceCompleted(PieceIndex piece, bool wasSlotAwaited = true)
    {
        _context.Emit(new SwarmEvent.PieceCompleted(piece));
        Interest.WeGot(piece);
        UpdatePhase();
        if (wasSlotAwaited || Downloader.MayFillIdle)
        {
            Downloader.FillAll();
        }
    }

    private void HandleRare(in Input input)
    {
        switch (input.Kind)
        {
            case InputKind.PieceHashed:
                Flow!.Hashed(input.Piece, input.Hash);
                break;
            case InputKind.PieceWritten:
                Flow!.Written(input.Piece);
                break;
            case InputKind.BlocksSpilled:
                Flow!.Spilled(input.Piece);
                break;
            case InputKind.BlocksRestored:
                Flow!.Restored(input.Piece);
                break;
            case InputKind.WriteFailed:
                Flow!.WriteFailed(input.Piece, (string)input.Detail!);
                UpdatePhase();
                break;
            case InputKind.ReadFailed when input.Link == default && Flow is not null:
                Flow.RestoreFailed(input.Piece);
                break;
            case InputKind.ReadFailed:
                UploadFailed(input);
                break;
            case InputKind.Announced or InputKind.PortChanged or InputKind.TrackersForgot:
                _announcements.Handle(input);
                break;
            case InputKind.PeerFound:
                Links.Found(input.Address, isHearsay: input.Count != 0);
                break;
            case InputKind.NodePortChanged when _context.NodePort != 0:
                _context.NodePort = input.Count;
                break;
            case InputKind.HoldersOrdered:
                Downloader.HoldersOrdered((IReadOnlyList<PeerAddress>)input.Detail!);
                break;
            case InputKind.PieceHashKnown:
                Flow!.HashKnown(input.Piece, input.Hash);
                break;
            case InputKind.PieceFound:
                _otherWays.Found(input.Piece);
                break;
            case InputKind.PieceWanted:
                _otherWays.SetWanted(input.Piece, input.Count != 0);
                break;
            case InputKind.ContentReady:
                Open((ContentState)input.Detail!);
                break;
            case InputKind.Start:
                Start();
                break;
            case InputKind.Stop:
                Stop();
                break;
            default:
                break; // of a link that has gone meanwhile
        }
    }

    // What is to be done at which time. Most messages and blocks change nothing about it, and there are many.
    private void Plan()
    {
        _context.IsPlanOld = false;
        _announcements.Advance();
        if (Phase == SwarmPhase.Stopping && _departure.Advance())
        {
            Phase = SwarmPhase.Stopped;
        }

        Deadline = NextDeadline();
    }

    private Instant NextDeadline()
    {
        if (Phase is SwarmPhase.Idle or SwarmPhase.Stopped)
        {
            return Instant.Never;
        }

        var deadline = Instant.Min(_announces.Deadline, Links.Deadline);
        deadline = Instant.Min(deadline, Instant.Min(_uploader.Deadline, _departure.Deadline));
        if (Flow is { } flow)
        {
            deadline = Instant.Min(deadline, Instant.Min(flow.Deadline, Downloader.Deadline));
        }

        return _context.Connections.Count > 0 ? Instant.Min(deadline, _nextTickAt) : deadline;
    }

    private void Start()
    {
        if (_context.IsRunning || Phase == SwarmPhase.Stopping)
        {
            return;
        }

        _context.IsRunning = true;
        _metadata.IsWanted = _context.Content is null;
        _announces.Start(_context.Now);
        UpdatePhase();
        Links.ConnectMore();
    }

    private void Open(ContentState content)
    {
        if (_context.Content is not null)
        {
            throw new InvalidOperationException("the content is known already");
        }

        _context.Content = content;
        _context.Layout = content.Layout;
        _context.Picker = content.NewPicker(_context.Prng);
        Flow = new PieceFlow(this, _context, content.Layout);
        _metadata.IsWanted = false;
        _privacy.Known(content.IsPrivate);
        UpdatePhase();
        foreach (var connection in _context.Connections.ToArray())
        {
            _messages.ContentKnown(connection);
        }
    }

    private void Tick()
    {
        if (_nextTickAt <= _context.Now)
        {
            _nextTickAt = _context.Now + TickInterval;
        }

        Links.Tick();
        _metadata.Tick();
        _exchange.Tick();
        if (Flow is { } flow)
        {
            flow.Tick();
            Suspects.ReassignExclusives();
            Downloader.Tick();
        }

        _uploader.Tick();
        UpdatePhase();
    }

    private void UploadFailed(in Input input)
    {
        if (_context.Find(input.Link) is { } connection)
        {
            _uploader.Failed(connection, input.Message.Block);
        }

        if (_losses.Take((ReadFailure)input.Detail!))
        {
            foreach (var other in _context.Connections.ToArray())
            {
                Links.CloseIfMisled(other);
            }

            foreach (var other in _context.Connections)
            {
                Downloader.RecountInterest(other);
            }

            UpdatePhase();
            Downloader.FillAll();
        }
    }

    private void Stop()
    {
        if (Phase is not (SwarmPhase.Stopping or SwarmPhase.Stopped))
        {
            Phase = SwarmPhase.Stopping;
            _departure.Begin();
        }
    }

    /// <summary>Something was got, lost, or wanted otherwise.</summary>
    internal void UpdatePhase()
    {
        if (!_context.IsRunning)
        {
            return;
        }

        Phase = _context switch
        {
            { IsPaused: true } => SwarmPhase.Paused,
            { Picker.IsComplete: true } => SwarmPhase.Seeding,
            { Picker: not null } => SwarmPhase.Downloading,
            _ => _metadata.IsWanted ? SwarmPhase.FetchingMetadata : SwarmPhase.Checking,
        };
        if (Phase == SwarmPhase.Seeding && !_isCompleteTold)
        {
            _isCompleteTold = true;
            _context.Emit(new SwarmEvent.Completed());
            Downloader.Completed();
            if (_context.DownloadedBytes > 0)
            {
                _announces.Complete(_context.Now);
            }

            foreach (var connection in _context.Connections.ToArray())
            {
                Links.CloseIfUseless(connection);
            }
        }
    }
}
