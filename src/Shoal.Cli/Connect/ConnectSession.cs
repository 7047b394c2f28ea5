using Shoal.Catalogue;
using Shoal.Cli.Reporting;

namespace Shoal.Cli.Connect;

/// <summary>What a session works with. Immutable.</summary>
/// <param name="Catalogue">The catalogue.</param>
/// <param name="Client">The client that has its torrents.</param>
/// <param name="StartClientAsync">Starts another like it, on a port of its own.</param>
/// <param name="Torrents">How torrents are added.</param>
/// <param name="Reporter">Shows what happens.</param>
/// <param name="Waits">Whether a command ends only when what it began is done, as scripts want it, or goes on behind the prompt.</param>
internal sealed record ConnectContext(
    CatalogueClient Catalogue, ShoalClient Client, Func<Task<ShoalClient>> StartClientAsync, AddOptions Torrents, Reporter Reporter, bool Waits);

/// <summary>
/// A session of the interactive client: runs commands, wherever they come from, one at a time, and has all that goes on behind them. Disposing
/// leaves politely: transfers stop, the tracker hears of it, all is summed up.
/// </summary>
internal sealed class ConnectSession : IAsyncDisposable
{
    private static readonly TimeSpan StatusInterval = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _ending = new();
    private readonly long _start = Environment.TickCount64;
    private readonly Task _showing;
    private readonly TrackerWatch _watch;

    public ConnectSession(ConnectContext context)
    {
        Context = context;
        Transfers = new Transfers(context.Client, context.StartClientAsync, context.Reporter);
        Jobs = new BackgroundJobs(context.Reporter, _ending.Token);
        Uploads = new Uploads(this, new UploadBook(context.Catalogue.Address.ToString()));
        Downloads = new Downloads(this);
        Subscriptions = new Subscriptions(this);
        Questions = new Questions(this);
        _watch = new TrackerWatch(context.Catalogue, context.Client);
        _showing = ShowProgressAsync();
    }

    public ConnectContext Context { get; }

    /// <summary>The torrents that it has.</summary>
    public Transfers Transfers { get; }

    /// <summary>What goes on behind the prompt.</summary>
    public BackgroundJobs Jobs { get; }

    public Uploads Uploads { get; }

    public Downloads Downloads { get; }

    public Subscriptions Subscriptions { get; }

    public Questions Questions { get; }

    /// <summary>Whether it was told to end.</summary>
    public bool IsLeaving { get; private set; }

    /// <summary>Runs one line; an empty one, or a comment, does nothing.</summary>
    /// <exception cref="UserErrorException">The line is wrong.</exception>
    /// <exception cref="ShoalException">It could not be done.</exception>
    public async Task RunAsync(string line, CancellationToken stop)
    {
        if (Words.Split(line) is [var name, ..] words)
        {
            var verb = ConnectVerb.Find(name);
            var (first, second) = verb.Take([.. words.Skip(1)]);
            await verb.RunAsync(this, first, second, stop);
        }
    }

    /// <summary>Lets it end with this command.</summary>
    public Task Leave()
    {
        IsLeaving = true;
        return Task.CompletedTask;
    }

    /// <summary>A path of the user's, absolute, with <c>~</c> for the home folder.</summary>
    public static string PathOf(string text)
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        return Path.GetFullPath(text == "~" ? home : text.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(home, text[2..]) : text);
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await Task.WhenAll(_showing, Jobs.EndAsync(), _watch.DisposeAsync().AsTask());
        var (downloaded, uploaded) = await Subscriptions.EndAsync();
        await Transfers.ShowUnfinishedAsync();
        await Transfers.EndAsync();
        var sum = await Transfers.CountAsync();
        (downloaded, uploaded) = (downloaded + sum.Downloaded, uploaded + sum.Uploaded);
        Context.Reporter.Report(new StoppedEvent(
            downloaded, uploaded, downloaded > 0 ? (double)uploaded / downloaded : 0, (Environment.TickCount64 - _start) / 1000.0));
        _ending.Dispose();
    }

    private async Task ShowProgressAsync()
    {
        var interval = Context.Waits ? Context.Reporter.ProgressInterval : StatusInterval;
        try
        {
            while (true)
            {
                await Task.Delay(interval, _ending.Token);
                Context.Reporter.Report(await Transfers.DescribeAsync(await Subscriptions.GetProgressAsync()));
            }
        }
        catch (OperationCanceledException)
        {
            // The session ends.
        }
    }
}
