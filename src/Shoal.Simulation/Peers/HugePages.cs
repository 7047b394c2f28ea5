using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Shoal.Simulation.Peers;

/// <summary>
/// Asks the system to keep a world's memory in pages of 2 MiB (Linux from 6.1 on, <c>MADV_COLLAPSE</c>): each event is about another
/// peer, and with pages of 4 KiB the processor would have to look up where those are, too. Elsewhere it does nothing. A hint: nothing
/// depends on it but speed, and a system that knows nothing of it is asked once.
/// </summary>
internal sealed partial class HugePages
{
    private const int PageShift = 21;
    private const int Collapse = 25;

    private readonly HashSet<nint> _pages = [];
    private bool _isRefused = !OperatingSystem.IsLinux();

    /// <summary>Asks for the memory around peers and their links. They may move later, when memory is tidied up: then it is to be asked again.</summary>
    public void Want(List<VirtualPeer> peers)
    {
        if (_isRefused)
        {
            return;
        }

        _pages.Clear();
        foreach (var peer in peers)
        {
            _pages.Add(PageOf(peer));
            _pages.Add(PageOf(peer.Driver?.Machine));
            foreach (var end in peer.Ends)
            {
                _pages.Add(PageOf(end));
            }
        }

        var count = 0;
        foreach (var page in _pages)
        {
            count += Advise(page << PageShift, 1 << PageShift, Collapse) == 0 ? 1 : 0;
        }

        _isRefused = count == 0;
    }

    private static nint PageOf(object? target) => Unsafe.As<object?, nint>(ref target) >>> PageShift;

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nint length, int advice);
}
