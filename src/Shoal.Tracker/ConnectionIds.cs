using Shoal.Engine;
using Shoal.Protocol;

namespace Shoal.Tracker;

/// <summary>
/// The connection ids of the UDP tracker protocol (BEP 15): proof that whoever announces gets what is sent to its
/// address, so that nobody can announce others or have answers sent to them. A hash of address and time under a secret key,
/// so nothing is stored; good for 64 to 128 s. Thread-safe.
/// </summary>
internal sealed class ConnectionIds(ulong key0, ulong key1)
{
    private const long PeriodNanoseconds = 64_000_000_000;

    private readonly AddressHash _hash = new(key0, key1);

    /// <summary>The id for an address at this time.</summary>
    public ulong Create(PeerAddress address, Instant now) => _hash.Of(address, now.Nanoseconds / PeriodNanoseconds);

    /// <summary>Whether the id was made for this address, not long ago. Takes the same time whatever the id.</summary>
    public bool IsValid(ulong id, PeerAddress address, Instant now)
    {
        var period = now.Nanoseconds / PeriodNanoseconds;
        return (id == _hash.Of(address, period)) | (id == _hash.Of(address, period - 1));
    }
}
