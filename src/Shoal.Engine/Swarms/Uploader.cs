using Shoal.Protocol;
using Shoal.Protocol.Wire;

namespace Shoal.Engine.Swarms;

/// <summary>
/// Serves blocks to those who have a slot, so much at a time. What waits stays here, where a choke or a cancel
/// can still reach it; the driver gets no more than a link can carry in a moment.
/// </summary>
internal sealed class Uploader
{
    /// <summary>Bytes handed to the driver for one link: one batch being read while another is being sent.</summary>
    private const long WindowBytes = 2 * 1024 * 1024;

    /// <summary>Blocks handed to the driver for one link, however small.</summary>
    private const int WindowCount = 256;

    /// <summary>
    /// A link that takes nothing for so long keeps buffers from those who would. A good peer's disk may hold it up for a
    /// minute.
    /// </summary>
    private static readonly TimeSpan StuckTime = TimeSpan.FromSeconds(120);

    /// <summary>The largest block we serve, as most clients do; everybody asks for 16 KiB.</summary>
    private const int MaximumBlockLength = 128 * 1024;

    /// <summary>So much nonsense is forgiven: requests that crossed a choke are none.</summary>
    private const int MaximumOffenceCount = 500;

    private readonly SwarmContext _context;
    private readonly Suggestions _suggestions;
    private readonly UploadSlots _slots;
    private readonly List<BlockRequest> _rejected = [];
    private int _throttledLength; // of the block that the rate cap holds up; 0: none
    private int _turn;

    public Uploader(SwarmContext context)
    {
        _context = context;
        _suggestions = new Suggestions(context);
        _slots = new UploadSlots(context, _suggestions, RefuseWaiting);
    }

    /// <summary>When the rate cap lets the next block go.</summary>
    public Instant Deadline => _throttledLength > 0
        ? _context.Limits.Upload.AvailableAt(_context.Now, _throttledLength)
        : Instant.Never;

    /// <summary>Whether nothing waits and nothing is in flight.</summary>
    public bool IsQuiet => _context.Connections.TrueForAll(c => c.Uploads.IsEmpty);

    /// <summary>Whether the peer has stopped taking what it asked for.</summary>
    public bool IsStuck(PeerConnection connection) =>
        connection.Uploads.InFlightCount > 0 && _context.Now - connection.Uploads.LastProgressAt > StuckTime;

    /// <summary>The peer asks for a block. A text is a reason to hang up.</summary>
    public string? Requested(PeerConnection connection, BlockRequest block)
    {
        if (_context.Layout is not { } layout || !layout.Contains(block) || block.Length > Math.Max(MaximumBlockLength, layout.BlockLength))
        {
            return $"asks for what does not exist ({block})";
        }

        _slots.Asked(connection);
        var allowed = _context is { IsRunning: true, Picker: { } picker } && picker.Have[block.Piece] &&
            (!connection.AmChoking || IsGranted(connection, block)) &&
            connection.Uploads.TryAdd(block);
        if (allowed)
        {
            connection.GrantedFastBytes -= connection.AmChoking ? block.Length : 0;
            _suggestions.Asked(connection, block.Piece);
            Pump(connection);
            return null;
        }

        Refuse(connection, block);
        return _context is { TellsPieces: true, IsTrusted: false } && ++connection.OffenceCount > MaximumOffenceCount + UploadQueue.Limit ? "floods us with requests that we refuse" : null;
    }

    /// <summary>A piece came by another way than links, perhaps to us only.</summary>
    public void Found(PieceIndex piece) => _suggestions.Found(piece);

    public void Cancelled(PeerConnection connection, BlockRequest block)
    {
        if (connection.Uploads.Cancel(block))
        {
            _slots.Emptied(); // perhaps it was all that it wanted
            Refuse(connection, block);
        }
    }

    public void Sent(PeerConnection connection, int count, long bytes)
    {
        connection.Uploads.Sent(_context.Now, count, bytes);
        connection.Uploaded.Add(_context.Now, bytes);
        connection.LastSentAt = _context.Now;
        _context.UploadedBytes += bytes;
        _slots.Sent(connection);
        Pump(connection);
    }

    /// <summary>The piece could not be read, so it is had no longer, and nobody waits for it.</summary>
    public void Failed(PeerConnection connection, BlockRequest block)
    {
        connection.Uploads.Sent(_context.Now, 1, block.Length);
        Refuse(connection, block);
    }

    /// <summary>The peer says that it wants something, or nothing any more.</summary>
    public void SetInterested(PeerConnection connection, bool isInterested) => _slots.SetInterested(connection, isInterested);

    /// <summary>The link is gone.</summary>
    public void Closed(PeerConnection connection) => _slots.Closed(connection);

    public void Tick()
    {
        _throttledLength = 0;
        _slots.Tick();

        // Whoever was served first last time comes later this time, so a cap is shared fairly.
        var count = _context.Connections.Count;
        for (var i = 0; i < count; i++)
        {
            Pump(_context.Connections[(i + _turn) % count]);
        }

        _turn = count == 0 ? 0 : (_turn + 1) % count;
    }

    private void Pump(PeerConnection connection)
    {
        var uploads = connection.Uploads;
        // While the cap holds up anybody, all wait for the tick: it takes them in turn.
        while (_throttledLength == 0 && uploads is { InFlightBytes: < WindowBytes, InFlightCount: < WindowCount } &&
            uploads.TryPeek(out var block))
        {
            if (!_context.Picker!.Have[block.Piece])
            {
                uploads.Drop(); // lost meanwhile
                _slots.Emptied();
                Refuse(connection, block);
                continue;
            }

            if (!_context.Limits.Upload.TryTake(_context.Now, block.Length))
            {
                _throttledLength = block.Length;
                _context.IsPlanOld = true;
                return;
            }

            uploads.HandOver(_context.Now);
            _context.Limits.UploadedBlockCount++;
            _context.Emit(new Output(
                OutputKind.Upload, _context.Id, connection.Link,
                new PeerMessage(PeerMessageKind.Piece, block.Piece, block.Begin, block.Length)));
        }
    }

    // BEP 6 answers every request; BEP 3 has no word for no.
    private void Refuse(PeerConnection connection, BlockRequest block)
    {
        if (connection.SupportsFast)
        {
            _context.Send(connection, PeerMessage.Reject(block));
        }
    }

    // Once through the granted pieces helps a newcomer; for ever would be a slot of its own.
    private static bool IsGranted(PeerConnection connection, BlockRequest block) =>
        connection.GrantedFastBytes >= block.Length && connection.GrantedFast.Contains(block.Piece);

    // All that waits for a peer that is choked now, but what it may have all the same.
    private void RefuseWaiting(PeerConnection connection)
    {
        _rejected.Clear();
        connection.Uploads.Clear(_rejected);
        foreach (var block in _rejected)
        {
            if (IsGranted(connection, block))
            {
                connection.GrantedFastBytes -= block.Length;
                connection.Uploads.TryAdd(block);
            }
            else
            {
                Refuse(connection, block);
            }
        }
    }
}
