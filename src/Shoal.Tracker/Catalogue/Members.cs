using Microsoft.Extensions.Logging;
using Shoal.Protocol;
using Shoal.Protocol.Catalogue;
using Shoal.Protocol.Trackers;

namespace Shoal.Tracker.Catalogue;

/// <summary>Who may take part in the swarms of what a catalogue names: the holders of tokens for one of its names. Thread-safe.</summary>
internal sealed class Members(CatalogueCore catalogue, CatalogueTokens tokens, ILogger logger)
{
    /// <summary>Whether the holder of the passkey may; of a torrent that has no name here everybody may.</summary>
    public bool Admits(InfoHash infoHash, Passkey passkey)
    {
        var names = catalogue.NamesOf(infoHash);
        try
        {
            return names.Length == 0 || (tokens.Find(passkey) is { } holder && Array.Exists(names, name => holder.Pattern.IsMatch(name)));
        }
        catch (CatalogueException error)
        {
            Log.CatalogueFailed(logger, error.Message);
            return false;
        }
    }
}
