using System.Diagnostics;

namespace Shoal.Engine.Swarms;

/// <summary>
/// A swarm's connections by link: looked up with every message, so a lookup touches two cache lines beside the connection's own. Open
/// addressing with linear probing in one array; a removal closes its gap (Knuth, TAOCP 3, section 6.4, algorithm R).
/// Invariant: at least half of the places are empty, and none is between a connection and the place that its link says.
/// </summary>
internal struct LinkTable()
{
    private Entry[] _entries = new Entry[8];
    private int _count;

    /// <summary>The connection; null if there is none.</summary>
    public readonly PeerConnection? Find(LinkId link)
    {
        var entries = _entries;
        for (var at = PlaceOf(link, entries.Length); ; at = (at + 1) & (entries.Length - 1))
        {
            ref readonly var entry = ref entries[at];
            if (entry.Link == link || entry.Connection is null)
            {
                return entry.Connection;
            }
        }
    }

    /// <summary>Fetches what <see cref="Find"/> will look at, in two steps (<see cref="IMachine.Warm"/>).</summary>
    public readonly void Warm(LinkId link, int step)
    {
        if (step == 0)
        {
            Prefetch.Object(_entries, 1); // its length
        }
        else
        {
            Prefetch.Element(in _entries[PlaceOf(link, _entries.Length)]);
        }
    }

    /// <summary>Puts one in, whose link must not be in it.</summary>
    public void Add(PeerConnection connection)
    {
        if (++_count * 2 > _entries.Length)
        {
            var old = _entries;
            _entries = new Entry[old.Length * 2];
            foreach (var entry in old)
            {
                if (entry.Connection is { } moved)
                {
                    Place(moved);
                }
            }
        }

        Place(connection);
    }

    /// <summary>Takes one out, which must be in it.</summary>
    public void Remove(PeerConnection connection)
    {
        var mask = _entries.Length - 1;
        var gap = PlaceOf(connection.Link, _entries.Length);
        while (_entries[gap].Connection != connection)
        {
            gap = (gap + 1) & mask;
        }

        _count--;
        for (var at = (gap + 1) & mask; _entries[at].Connection is not null; at = (at + 1) & mask)
        {
            // It may fill the gap if that is no farther back than its own place.
            if (((at - PlaceOf(_entries[at].Link, _entries.Length)) & mask) >= ((at - gap) & mask))
            {
                _entries[gap] = _entries[at];
                gap = at;
            }
        }

        _entries[gap] = default;
    }

    private readonly void Place(PeerConnection connection)
    {
        var at = PlaceOf(connection.Link, _entries.Length);
        while (_entries[at].Connection is { } other)
        {
            Debug.Assert(other != connection, "a connection is added twice");
            at = (at + 1) & (_entries.Length - 1);
        }

        _entries[at] = new Entry(connection.Link, connection);
    }

    // Links are numbered in order, so their lowest bits scatter well.
    private static int PlaceOf(LinkId link, int length) => (int)link.Value & (length - 1);

    private readonly record struct Entry(LinkId Link, PeerConnection? Connection);
}
