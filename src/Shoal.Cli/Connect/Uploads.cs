using System.Net;
using Shoal.Catalogue;
using Shoal.Cli.Commands;
using Shoal.Cli.Reporting;
using Shoal.Protocol.Catalogue;
using Shoal.Runtime.Storage;

namespace Shoal.Cli.Connect;

/// <summary>What a session publishes, and seeds, now and the next time.</summary>
internal sealed class Uploads(ConnectSession session, UploadBook book)
{
    private const int MostNamesShown = 5;

    // Hashing takes all processors.
    private readonly SemaphoreSlim _hashing = new(1);

    private ConnectContext Context => session.Context;

    private CatalogueClient Catalogue => session.Context.Catalogue;

    /// <summary>Publishes a file or folder under a name (its own, if none is given), and seeds it.</summary>
    public async Task UploadAsync(string path, string? name, CancellationToken stop)
    {
        var full = Path.TrimEndingDirectorySeparator(ConnectSession.PathOf(path));
        var called = CatalogueArgument.ParseName(PublishCommand.NameOf(full, name));
        Hashing.RequireSomething(full, path);
        if (Context.Waits)
        {
            await PublishAsync(full, called, stop);
        }
        else
        {
            session.Jobs.Begin($"upload {path}", ending => PublishAsync(full, called, ending));
        }
    }

    /// <summary>Takes a name, or a version of it, out of the catalogue; what was uploaded here under it is not seeded any more.</summary>
    public async Task RemoveAsync(string name, CancellationToken stop)
    {
        var reference = CatalogueArgument.ParseReference(name);
        var removal = await Catalogue.RemoveAsync(reference, stop);
        Context.Reporter.Report(new RemovedEvent(removal.Name, removal.Version) { Rest = RemovedEvent.OfCommand });
        book.Remove(upload => upload.Name == reference.Name.Value && (reference.Version is null || reference.Version == upload.Version));
        foreach (var held in session.Transfers.Of(reference).Where(held => held.IsUpload))
        {
            await session.Transfers.RemoveAsync(held);
        }
    }

    /// <summary>Seeds what was uploaded in earlier sessions, behind all else: what is gone, changed or removed is told of and left out.</summary>
    public void Continue()
    {
        var uploads = book.Read(out var wrong);
        if (wrong is not null)
        {
            Context.Reporter.Report(new WarningEvent($"earlier uploads are not known: {wrong}"));
        }

        if (uploads.Count > 0)
        {
            session.Jobs.Begin("seeding again", stop => ContinueAsync(uploads, stop));
        }
    }

    private async Task PublishAsync(string path, CatalogueName name, CancellationToken stop)
    {
        await _hashing.WaitAsync(stop);
        try
        {
            await Catalogue.CheckPublishingAsync(name, stop); // before the hashing, which may take long
            using var made = await HashAsync(path, name, null, stop);
            var entry = await Catalogue.PublishAsync(name, made.Metainfo, stop);
            Context.Reporter.Report(new PublishedEvent(entry.Name, entry.Version, entry.InfoHash, entry.Size, entry.FileCount, Catalogue.Address.ToString(), null));

            // What was uploaded from there before is not what is there now.
            foreach (var older in session.Transfers.All.Where(held => held.IsUpload && held.Path == path && held.Name == entry.Name && held.Torrent.InfoHash != entry.InfoHash))
            {
                await session.Transfers.RemoveAsync(older);
            }

            await ShareAsync(path, entry, made, stop);
            try
            {
                book.Add(new Upload(entry.Name, entry.Version, entry.InfoHash, path, made.Metainfo.Layout.PieceLength));
            }
            catch (Exception error) when (error is StorageException or UserErrorException)
            {
                Context.Reporter.Report(new WarningEvent($"{entry.Name} will not be seeded again by the next session: {error.Message}"));
            }
        }
        finally
        {
            _hashing.Release();
        }
    }

    private async Task ContinueAsync(IReadOnlyList<Upload> uploads, CancellationToken stop)
    {
        List<string> seeded = [];
        foreach (var upload in uploads)
        {
            if (await TryContinueAsync(upload, stop) is { } wrong)
            {
                Context.Reporter.Report(new WarningEvent($"{upload.Name}@{upload.Version} is not seeded again: {wrong}"));
                book.Remove(one => one == upload);
            }
            else
            {
                seeded.Add($"{upload.Name}@{upload.Version}");
            }
        }

        if (seeded.Count > 0)
        {
            Context.Reporter.Report(new SeedingAgainEvent(seeded));
        }
    }

    /// <summary>Seeds it; if that cannot be, says why.</summary>
    private async Task<string?> TryContinueAsync(Upload upload, CancellationToken stop)
    {
        if (!CatalogueReference.TryParse($"{upload.Name}@{upload.Version}", out var reference, out var wrong))
        {
            return wrong;
        }

        if (!Path.Exists(upload.Path))
        {
            return $"'{upload.Path}' is gone";
        }

        if (await WhatTheCatalogueHasAgainstAsync(upload, reference, stop) is { } gone)
        {
            return gone;
        }

        await _hashing.WaitAsync(stop);
        try
        {
            using var made = await HashAsync(upload.Path, reference.Name, upload.PieceLength, stop);
            if (!book.Read(out _).Contains(upload))
            {
                return "it was removed meanwhile";
            }

            if (made.Metainfo.InfoHash != upload.InfoHash)
            {
                return $"'{upload.Path}' has changed; 'upload' publishes it as it is now";
            }

            await ShareAsync(
                upload.Path, new CatalogueEntry(upload.Name, upload.Version, upload.InfoHash, made.Metainfo.StoredLength, 0, upload.PieceLength, default, 0), made, stop);
            return null;
        }
        catch (ShoalException error)
        {
            return error.Message;
        }
        finally
        {
            _hashing.Release();
        }
    }

    // A catalogue that is away has nothing against it.
    private async Task<string?> WhatTheCatalogueHasAgainstAsync(Upload upload, CatalogueReference reference, CancellationToken stop)
    {
        try
        {
            return (await Catalogue.FindAsync(reference, stop)).InfoHash == upload.InfoHash ? null : "in the catalogue it is something else now";
        }
        catch (ShoalException error)
        {
            return error.InnerException is HttpRequestException { StatusCode: HttpStatusCode.NotFound } ? "it was removed from the catalogue" : null;
        }
    }

    private Task<NewTorrent> HashAsync(string path, CatalogueName name, int? pieceLength, CancellationToken stop) => Hashing.RunAsync(
        path,
        new NewTorrentOptions
        {
            CreatedBy = $"Shoal {Program.Version}", Name = name.LastPart, PieceLength = pieceLength > 0 ? pieceLength : null, MayUseDht = Context.Torrents.IsPublic == true,
        },
        Context.Reporter,
        stop);

    // The same files under two names are one torrent.
    private async Task ShareAsync(string path, CatalogueEntry entry, NewTorrent made, CancellationToken stop)
    {
        var options = Context.Torrents with
        {
            IsPublic = Context.Torrents.IsPublic == true, Trackers = [.. Catalogue.Trackers, .. Context.Torrents.Trackers],
        };
        if (!session.Transfers.TryFind(entry.InfoHash, Transfers.FolderOf(path), out _))
        {
            await session.Transfers.AddAsync(entry, path, isUpload: true, client => client.ShareAsync(made, options, stop), stop);
        }
    }

    internal static string Shorten(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(MostNamesShown)) + (names.Count > MostNamesShown ? $" and {names.Count - MostNamesShown} more" : "");
}
