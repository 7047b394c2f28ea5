using System.Security.Cryptography;
using Shoal.Protocol;
using Shoal.Protocol.Trackers;

namespace Shoal.Tracker.Tests;

/// <summary>Announces to test with.</summary>
internal static class Announces
{
    public static InfoHash SomeInfoHash() => new(RandomNumberGenerator.GetBytes(InfoHash.Length));

    public static AnnounceRequest From(InfoHash infoHash, ushort port, long left = 1, AnnounceEvent announceEvent = AnnounceEvent.Started) =>
        new(infoHash, PeerId.Create(RandomNumberGenerator.GetBytes(12)), port, Left: left, Event: announceEvent);
}
