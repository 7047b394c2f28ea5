using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Protocol;

namespace Shoal.Engine.Jobs;

/// <summary>
/// A peer of a job: registers what it owns, waits until all have, fetches what it wants with the help of the tracker at
/// rank 0, and serves until the tracker says stop. It stands beside the <see cref="Session"/> that transfers, and speaks
/// to it through its driver. The law of driving it: after each call, poll until there is nothing more. Needs no time.
/// Invariant: each wanted file ends once, complete or failed, and the tracker is told when all have.
/// </summary>
/// <remarks>
/// Links are opened by whoever joins a swarm, to all who are in it by then: a member has its swarm open, and of two members
/// one came later. So nobody is refused, and no two ranks ever have two links for one file.
/// </remarks>
public sealed class JobPeer
{
    private const int Tracker = 0;

    /// <summary>Files that are fetched at the same time, as long as their segments fit into <see cref="BufferBytes"/>.</summary>
    private const int MaximumOpenCount = 16;

    /// <summary>Bytes of arriving segments that are held in memory, of all files together; more only if one file alone needs more.</summary>
    private const long BufferBytes = 64 * 1024 * 1024;

    /// <summary>
    /// Requests out on one link: enough to hide the way to another rank, and too few to take a whole file from its owner
    /// before others have any of it.
    /// </summary>
    private const int MaximumRequestDepth = 8;

    /// <summary>Segments after which the tracker is asked again.</summary>
    private const int RoundLength = 10;

    private readonly int _rank;
    private readonly BalancePolicy _balance;
    private readonly IReadOnlyList<JobFile> _owned;
    private readonly Session _session;
    private readonly Prng _prng;
    private readonly Queue<JobOutput> _outputs = new();
    private readonly Dictionary<string, PeerFile> _files = new(StringComparer.Ordinal);
    private readonly Queue<PeerFile> _waiting = new();
    private readonly Queue<(PeerFile File, JobFile Job)> _awaitingMemory = new();
    private readonly Dictionary<int, LoadRound> _rounds = [];
    private readonly SwarmOptions _swarmOptions;
    private readonly int _wantedCount;
    private int _openCount;   // files being fetched
    private long _openBytes;  // that they may hold
    private int _endedCount;  // wanted files that are complete or failed
    private int _roundNumber;
    private bool _isAnswered; // registered, or refused

    /// <summary>A peer that begins at once: the first thing to do is to poll.</summary>
    /// <param name="rank">Which rank this is; not 0.</param>
    /// <param name="balance">The policy, the same on all ranks.</param>
    /// <param name="owned">What it owns; no name twice.</param>
    /// <param name="wanted">What it wants; no name twice.</param>
    /// <param name="session">The session that transfers, with <see cref="SessionOptionsFor"/>.</param>
    /// <param name="seed">The seed of all chance.</param>
    /// <param name="inputError">If the input of this rank is wrong, one line that says what: see <see cref="Refuse"/>.</param>
    public JobPeer(
        int rank, BalancePolicy balance, IReadOnlyList<JobFile> owned, IReadOnlyList<string> wanted, Session session, ulong seed,
        string? inputError = null)
    {
        ArgumentNullException.ThrowIfNull(owned);
        ArgumentNullException.ThrowIfNull(wanted);
        _rank = rank;
        _balance = balance;
        _owned = owned;
        _session = session;
        _prng = new Prng(seed);
        _wantedCount = wanted.Count;
        _swarmOptions = new SwarmOptions
        {
            InfoHash = default,
            Balance = balance,
            MaximumConnectionCount = int.MaxValue,
            IsTrusted = true,
            MaximumRequestDepth = MaximumRequestDepth,
            BufferBytes = BufferBytes / Math.Clamp(wanted.Count, 1, MaximumOpenCount),
        };
        foreach (var file in owned)
        {
            _files.Add(file.Name, new PeerFile(file.Name) { Stage = FileStage.OpeningOwned });
            Open(file, isOwned: true);
        }

        foreach (var name in wanted)
        {
            if (_files.ContainsKey(name))
            {
                _endedCount++; // it is here already
                continue;
            }

            var file = new PeerFile(name);
            _files.Add(name, file);
            _waiting.Enqueue(file);
        }

        if (inputError is not null)
        {
            Refuse(inputError);
        }

        RegisterIfOpen();
    }

    /// <summary>Whether the tracker has said stop and every swarm has stopped.</summary>
    public bool IsOver { get; private set; }

    /// <summary>How the job ended; null before that.</summary>
    public JobMessage.Stop? Outcome { get; private set; }

    /// <summary>What a rank's session must be allowed: a link for each file and rank, all opened at once.</summary>
    public static SessionOptions SessionOptionsFor(int rank, ulong seed)
    {
        var id = new byte[PeerId.Length];
        "-job-"u8.CopyTo(id);
        BitConverter.TryWriteBytes(id.AsSpan(PeerId.Length - sizeof(int)), rank);
        return new SessionOptions(new PeerId(id), seed) { MaximumConnectionCount = 1 << 20, MaximumHalfOpenCount = 1 << 20 };
    }

    /// <summary>Takes the next thing to do.</summary>
    public bool TryPoll(out JobOutput output) => _outputs.TryDequeue(out output!);

    /// <summary>
    /// What this rank has to bring in is wrong, as when an owned file cannot be opened: the job is not to begin, and every
    /// rank hears the reason. In place of <see cref="Opened"/>; without effect once all owned files are opened.
    /// </summary>
    public void Refuse(string reason)
    {
        if (!_isAnswered)
        {
            _isAnswered = true;
            Send(Tracker, new JobMessage.Refuse(reason));
        }
    }

    /// <summary>What <see cref="JobOutput.Open"/> asked for is done.</summary>
    public void Opened(string file)
    {
        var opened = _files[file];
        if (opened.Stage == FileStage.OpeningOwned)
        {
            opened.Stage = FileStage.Complete;
            RegisterIfOpen();
        }
        else if (opened.Stage == FileStage.Opening && Outcome is null)
        {
            opened.Stage = FileStage.Fetching;
            Send(Tracker, new JobMessage.SwarmRequest(file));
        }
    }

    /// <summary>A rank sent a message.</summary>
    public void Handle(int from, JobMessage message)
    {
        switch (message)
        {
            case JobMessage.LoadRequest request:
                Send(from, new JobMessage.Load(request.Round, _session.Load.UploadedCount));
                break;
            case JobMessage.Stop stop:
                Stop(stop);
                break;
            case var _ when Outcome is not null:
                break; // crossed with Stop
            case JobMessage.Registered:
                FetchMore();
                break;
            case JobMessage.Hashes hashes when _files[hashes.File.Name] is { Stage: FileStage.Asking } file:
                file.Stage = FileStage.AwaitingMemory;
                file.BufferBytes = BufferBytesOf(hashes.File);
                _awaitingMemory.Enqueue((file, hashes.File));
                OpenMore();
                break;
            case JobMessage.Unavailable unavailable:
                Fail(_files[unavailable.File]);
                break;
            case JobMessage.Swarm swarm when _files[swarm.File] is { Stage: FileStage.Fetching } file:
                Meet(file, swarm.Holders);
                break;
            case JobMessage.Load load:
                Loaded(from, load);
                break;
            default:
                break; // an answer for a file that has ended
        }
    }

    /// <summary>Something happened in the swarm of a file.</summary>
    public void Handle(string file, SwarmEvent happening)
    {
        var state = _files[file];
        switch (happening)
        {
            case SwarmEvent.Stopped:
                state.IsOpen = false;
                EndIfStopped();
                break;
            case var _ when Outcome is not null:
                break;
            case SwarmEvent.RoundEnded round:
                RoundEnded(state, round.Requests);
                break;
            case SwarmEvent.PieceCompleted when _balance == BalancePolicy.Swarm && state.Stage == FileStage.Fetching:
                if (++state.SegmentCount % RoundLength == 0)
                {
                    Send(Tracker, new JobMessage.SwarmRequest(file));
                }

                break;
            case SwarmEvent.Completed when state.Stage is FileStage.Opening or FileStage.Fetching:
                Send(Tracker, new JobMessage.FileComplete(file));
                End(state, FileStage.Complete);
                break;
            case SwarmEvent.Paused paused when state.Stage is FileStage.Opening or FileStage.Fetching:
                Send(Tracker, new JobMessage.FileFailed(file, _rank, $"rank {_rank} cannot write '{file}': {paused.Reason}"));
                Fail(state);
                break;
            case SwarmEvent.PiecesLost { LostCount: > 0 } lost:
                Send(Tracker, new JobMessage.FileFailed(file, _rank, $"rank {_rank} can no longer serve '{file}': {lost.Reason}"));
                break;
            case SwarmEvent.PeerBanned { Address: { Kind: PeerAddressKind.Rank } holder } banned:
                Send(Tracker, new JobMessage.FileFailed(file, holder.Rank, $"rank {holder.Rank} was found by rank {_rank} to serve '{file}' wrong: it {banned.Reason}"));
                break;
            default:
                break;
        }
    }

    private void RegisterIfOpen()
    {
        if (!_isAnswered && _owned.All(file => _files[file.Name].Stage == FileStage.Complete))
        {
            _isAnswered = true;
            Send(Tracker, new JobMessage.Register(_owned));
        }
    }

    private void FetchMore()
    {
        while (_openCount < MaximumOpenCount && _waiting.TryDequeue(out var file))
        {
            _openCount++;
            file.Stage = FileStage.Asking;
            Send(Tracker, new JobMessage.HashesRequest(file.Name));
        }

        if (_endedCount == _wantedCount)
        {
            _endedCount = -1; // to be told once
            Send(Tracker, new JobMessage.AllComplete());
        }
    }

    // In the order in which the hashes came, so that a large file is not passed over for ever.
    private void OpenMore()
    {
        while (_awaitingMemory.TryPeek(out var next) && (_openBytes == 0 || _openBytes + next.File.BufferBytes <= BufferBytes))
        {
            _awaitingMemory.Dequeue();
            if (next.File.Stage == FileStage.AwaitingMemory)
            {
                _openBytes += next.File.BufferBytes;
                next.File.Stage = FileStage.Opening;
                Open(next.Job, isOwned: false);
            }
        }
    }

    // What the swarm will take, given its share: at least two segments.
    private long BufferBytesOf(JobFile file) =>
        Math.Min(file.SegmentCount, Math.Max(2, _swarmOptions.BufferBytes / file.SegmentLength)) * (long)file.SegmentLength;

    private void Open(JobFile file, bool isOwned)
    {
        _files[file.Name].IsOpen = true;
        _outputs.Enqueue(new JobOutput.Open(file, isOwned, _swarmOptions with { InfoHash = file.InfoHash() }));
    }

    // The first answer to a swarm request says whom to meet; who comes later meets us. Each begins a round.
    private void Meet(PeerFile file, IReadOnlyList<int> holders)
    {
        if (!file.HasMet)
        {
            file.HasMet = true;
            foreach (var holder in holders)
            {
                Post(file.Name, new Input(InputKind.PeerFound, Address: PeerAddress.FromRank(holder)));
            }
        }

        if (_balance == BalancePolicy.LeastUploaded && holders.Count > 0)
        {
            var round = new LoadRound(file, holders.Count);
            _rounds.Add(++_roundNumber, round);
            foreach (var holder in holders)
            {
                Send(holder, new JobMessage.LoadRequest(_roundNumber));
            }
        }
        else if (_balance != BalancePolicy.Swarm)
        {
            Order(file, holders);
        }
    }

    private void Loaded(int from, JobMessage.Load load)
    {
        if (!_rounds.TryGetValue(load.Round, out var round))
        {
            return;
        }

        round.Loads.Add((from, load.UploadedCount));
        if (round.Loads.Count == round.HolderCount)
        {
            _rounds.Remove(load.Round);
            // By lot among equals, whichever answered first.
            round.Loads.Sort();
            _prng.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(round.Loads));
            Order(round.File, [.. round.Loads.OrderBy(holder => holder.UploadedCount).Select(holder => holder.Rank)]);
        }
    }

    private void Order(PeerFile file, IReadOnlyList<int> holders)
    {
        if (file.Stage == FileStage.Fetching)
        {
            PeerAddress[] addresses = [.. holders.Select(PeerAddress.FromRank)];
            Post(file.Name, new Input(InputKind.HoldersOrdered, Detail: addresses));
        }
    }

    private void RoundEnded(PeerFile file, IReadOnlyList<HolderRequests> requests)
    {
        if (_balance == BalancePolicy.LeastRequested && requests.Count > 0)
        {
            Send(Tracker, new JobMessage.Requested([.. requests.Select(asked => new RankCount(asked.Holder.Rank, asked.Count))]));
        }

        if (file.Stage == FileStage.Fetching)
        {
            Send(Tracker, new JobMessage.SwarmRequest(file.Name));
        }
    }

    private void Fail(PeerFile file)
    {
        if (file.Stage is FileStage.Complete or FileStage.Failed)
        {
            return;
        }

        if (file.IsOpen)
        {
            Post(file.Name, new Input(InputKind.Stop));
        }

        End(file, FileStage.Failed);
    }

    private void End(PeerFile file, FileStage stage)
    {
        _openBytes -= file.Stage is FileStage.Opening or FileStage.Fetching ? file.BufferBytes : 0;
        file.Stage = stage;
        _openCount--;
        _endedCount++;
        OpenMore();
        FetchMore();
    }

    private void Stop(JobMessage.Stop stop)
    {
        Outcome = stop;
        foreach (var file in _files.Values.Where(file => file.IsOpen).OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            Post(file.Name, new Input(InputKind.Stop));
        }

        EndIfStopped();
    }

    private void EndIfStopped() => IsOver = Outcome is not null && _files.Values.All(file => !file.IsOpen);

    private void Send(int rank, JobMessage message) => _outputs.Enqueue(new JobOutput.Send(rank, message));

    private void Post(string file, in Input input) => _outputs.Enqueue(new JobOutput.Post(file, input));
}
