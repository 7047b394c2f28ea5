using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Shoal.Engine;

namespace Shoal.Simulation.Peers;

/// <summary>
/// A peer's ends of links, by what its machine calls them: numbers that are given in order, so an array will do. Also in the order in
/// which they were opened.
/// </summary>
internal sealed class LinkTable
{
    /// <summary>Of so many ends at most: more would push each other out again.</summary>
    private const int MaximumWarmCount = 64;

    private readonly List<LinkEnd> _order = [];
    private LinkEnd?[] _byNumber = new LinkEnd?[64];

    /// <summary>The ends, oldest first.</summary>
    public IReadOnlyList<LinkEnd> All => _order;

    public void Add(LinkEnd end)
    {
        if (end.Id.Value >= _byNumber.Length)
        {
            Array.Resize(ref _byNumber, (int)Math.Max(end.Id.Value + 1, _byNumber.Length * 2L));
        }

        _byNumber[end.Id.Value] = end;
        _order.Add(end);
    }

    public bool TryFind(LinkId id, [NotNullWhen(true)] out LinkEnd? end)
    {
        end = (ulong)id.Value < (ulong)_byNumber.Length ? _byNumber[id.Value] : null;
        return end is not null;
    }

    /// <summary>Fetches what will be looked at of all ends, in steps (<see cref="IMachine.Warm"/>); some have nothing to do here.</summary>
    public void Warm(int step)
    {
        switch (step)
        {
            case 0:
                Prefetch.Object(this, 1);
                break;
            case 1:
                Prefetch.Object(_order, 1);
                Prefetch.Object(_byNumber, 4);
                break;
            case 2 when _order.Count > 0:
                Prefetch.Element(in CollectionsMarshal.AsSpan(_order)[0], 4);
                break;
            case 4:
                foreach (var end in CollectionsMarshal.AsSpan(_order)[..Math.Min(_order.Count, MaximumWarmCount)])
                {
                    Prefetch.Object(end, 2);
                }

                break;
            default:
                break;
        }
    }

    public void Remove(LinkEnd end)
    {
        _byNumber[end.Id.Value] = null;
        _order.Remove(end);
    }

    public void Clear()
    {
        Array.Clear(_byNumber);
        _order.Clear();
    }
}
