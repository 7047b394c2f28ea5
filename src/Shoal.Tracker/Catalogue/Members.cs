using Microsoft.Extensions.Logging;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Trackers;

namespace Shoal.Tracker.Catalogue;

/// <summary>
/// Who may take part in the swarms of what a catalogue names: who may read or publish the name under which the torrent came first. That others are
/// added to it later lets nobody in, or out. Thread-safe.
/// </summary>
internal sealed class Members(CatalogueCore catalogue, CatalogueTokens tokens, ILogger logger)
{
    /// <summary>Whether the holder of the passkey may; of a torrent that has no name here everybody may.</summary>
    public bool Admits(InfoHash infoHash, Passkey passkey)
    {
        try
        {
            return catalogue.FirstNameOf(infoHash) is not { } name ||
                (tokens.Find(passkey) is { } holder && (holder.Token.Rights & (CatalogueRights.Read | CatalogueRights.Publish)) != CatalogueRights.None && holder.Pattern.IsMatch(name));
        }
        catch (CatalogueException error)
        {
            Log.CatalogueFailed(logger, error.Message);
            return false;
        }
    }
}
