using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Shoal.Interop.Foreign;

namespace Shoal.Interop;

/// <summary>
/// One case: a scratch folder, the programs that take part, and a bound on its time. When it fails or is late,
/// the message holds every program's last output and the command that runs this test alone.
/// </summary>
internal sealed class Scenario : IAsyncDisposable
{
    private readonly List<(IAsyncDisposable Program, Func<string> Describe)> _programs = [];
    private readonly CancellationTokenSource _limit;
    private readonly TimeSpan _bound;
    private readonly bool _alone;
    private readonly string _test;

    /// <param name="boundSeconds">After how long the case has failed.</param>
    /// <param name="alone">Whether it runs in a network of its own.</param>
    /// <param name="test">The method's name.</param>
    public Scenario(int boundSeconds = 120, bool alone = false, [CallerMemberName] string test = "")
    {
        _alone = alone;
        _bound = TimeSpan.FromSeconds(boundSeconds);
        _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        _limit.CancelAfter(_bound);
        _test = test;
    }

    public ScratchFolder Scratch { get; } = new();

    /// <summary>Where the payload lies at first.</summary>
    public string Source => Scratch.Folder("source");

    public CancellationToken Cancellation => _limit.Token;

    public async Task<LibtorrentPeer> LibtorrentAsync(JsonObject? settings = null) =>
        Join(await LibtorrentPeer.StartAsync(Cancellation, settings: settings));

    public async Task<Aria2Peer> Aria2Async() => Join(await Aria2Peer.StartAsync(Cancellation));

    public async Task<TransmissionPeer> TransmissionAsync() => Join(await TransmissionPeer.StartAsync(Cancellation));

    /// <summary>Starts a client that speaks to nobody who does not encrypt, and by nothing but RC4 where that can be asked for.</summary>
    public Task<IForeignPeer> StartEncryptedAsync(Client client) => client switch
    {
        Client.Libtorrent => Upcast(JoinAsync(LibtorrentPeer.StartAsync(Cancellation, settings: new()
        {
            ["out_enc_policy"] = 0, ["in_enc_policy"] = 0, ["allowed_enc_level"] = 2, // forced, forced, RC4 alone
        }))),
        Client.Aria2 => Upcast(JoinAsync(Aria2Peer.StartAsync(Cancellation, "--bt-require-crypto=true", "--bt-min-crypto-level=arc4"))),
        _ => Upcast(JoinAsync(TransmissionPeer.StartAsync(Cancellation, requireEncryption: true))),
    };

    public async Task<OpentrackerProcess> OpentrackerAsync(params string[] infoHashes)
    {
        var tracker = await OpentrackerProcess.StartAsync(infoHashes, Cancellation);
        _programs.Add((tracker, tracker.Describe));
        return tracker;
    }

    /// <summary>Has the program end with the case, and its words in the failure message.</summary>
    public ShoalProcess Join(ShoalProcess shoal)
    {
        _programs.Add((shoal, shoal.Describe));
        return shoal;
    }

    /// <summary>The same of a foreign client.</summary>
    public T Join<T>(T peer)
        where T : IForeignPeer
    {
        _programs.Add((peer, peer.Describe));
        return peer;
    }

    public Task<IForeignPeer> StartAsync(Client client) => client switch
    {
        Client.Libtorrent => Upcast(LibtorrentAsync()),
        Client.Aria2 => Upcast(Aria2Async()),
        _ => Upcast(TransmissionAsync()),
    };

    /// <summary>Starts the tracker that <paramref name="way"/> asks for; null when peers meet without one.</summary>
    public async Task<TrackerAt?> TrackerAsync(Way way, TestTorrent torrent)
    {
        switch (way)
        {
            case Way.OurHttp or Way.OurUdp:
                var ours = Join(await ShoalProcess.TrackerAsync(Cancellation));
                return new(ours.Port, way == Way.OurHttp ? ours.HttpUrl : ours.UdpUrl);
            case Way.OpentrackerHttp or Way.OpentrackerUdp:
                var theirs = await OpentrackerAsync(torrent.InfoHash);
                return new(theirs.Port, way == Way.OpentrackerHttp ? theirs.HttpUrl : theirs.UdpUrl);
            default:
                return null;
        }
    }

    /// <summary>Runs the case; every failure is told with what the programs said.</summary>
    public async Task RunAsync(Func<Task> body)
    {
        try
        {
            await (_alone ? PrivateNetwork.RunAsync(body) : body());
        }
        catch (Exception problem) when (problem is not Xunit.Sdk.SkipException)
        {
            var late = _limit.IsCancellationRequested;
            var what = late ? $"not done within {_bound.TotalSeconds:F0} s" : problem.Message;
            var programs = string.Concat(_programs.Select(static program => program.Describe()));
            Assert.Fail(
                $"{what}\nrun only this: dotnet test tests/Interop --filter \"FullyQualifiedName~{_test}\"\n{programs}\n{problem.StackTrace}");
        }
    }

    /// <summary>Fails unless both places hold the same files with the same sha256.</summary>
    public static void AssertSame(string source, string arrived, bool withEmptyFiles = true)
    {
        SortedDictionary<string, string>? expected = null, actual = null;
        Parallel.Invoke(
            () => expected = Payload.Digest(source, withEmptyFiles),
            () => actual = Payload.Digest(arrived, withEmptyFiles));
        Assert.Equal(expected, actual);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (program, _) in Enumerable.Reverse(_programs))
        {
            await program.DisposeAsync();
        }

        Scratch.Dispose();
        _limit.Dispose();
    }

    private static async Task<IForeignPeer> Upcast<T>(Task<T> peer)
        where T : IForeignPeer => await peer;

    private async Task<T> JoinAsync<T>(Task<T> peer)
        where T : IForeignPeer => Join(await peer);
}
