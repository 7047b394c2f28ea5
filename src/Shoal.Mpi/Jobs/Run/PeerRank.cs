using System.Collections.Concurrent;
using Shoal.Engine;
using Shoal.Engine.Jobs;
using Shoal.Engine.Sessions;
using Shoal.Engine.Swarms;
using Shoal.Mpi.Jobs.Files;
using Shoal.Mpi.Links;
using Shoal.Protocol;
using Shoal.Runtime;
using Shoal.Runtime.Hosting;
using Shoal.Runtime.Storage;

namespace Shoal.Mpi.Jobs.Run;

/// <summary>
/// A peer's rank: does what its <see cref="JobPeer"/> asks, which decides, and turns what came into results. On the loop's
/// thread; what the disk may take long for is done on others, and brought back by <see cref="Advance"/>.
/// </summary>
internal sealed class PeerRank
{
    private readonly RankLoop _loop;
    private readonly Session _session;
    private readonly IPeerContent _content;
    private readonly JobPeer _peer;
    private readonly int _rank;
    private readonly HashSet<string> _wanted;
    private readonly Dictionary<string, OpenFile> _files = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<Action> _done = new(); // what other threads have finished
    private readonly SortedSet<string> _problems = new(StringComparer.Ordinal);
    private int _underWay;

    public PeerRank(
        int rank, RankLoop loop, Session session, IPeerContent content, IReadOnlyList<JobFile> owned, JobInput input,
        BalancePolicy balance, ulong seed)
    {
        _rank = rank;
        _loop = loop;
        _session = session;
        _content = content;
        _wanted = [.. input.Wanted.Select(file => file.Name)];
        _peer = new JobPeer(rank, balance, owned, [.. input.Wanted.Select(file => file.Name)], session, seed);
        loop.Transport.Handle(Tags.TrackerReply, Take);
        loop.Transport.Handle(Tags.Load, Take);
    }

    /// <summary>Whether the tracker has said stop, all swarms have stopped, and all results are written.</summary>
    public bool IsOver => _peer.IsOver && _underWay == 0;

    /// <summary>How the tracker says it ended.</summary>
    public JobMessage.Stop Outcome => _peer.Outcome!;

    /// <summary>Results that are there.</summary>
    public int ResultCount { get; private set; }

    /// <summary>What went wrong here that the tracker does not know of, a line each.</summary>
    public IReadOnlyCollection<string> Problems => _problems;

    /// <summary>The file that a swarm is about; null if there is none.</summary>
    public string? NameOf(InfoHash infoHash) => _files.FirstOrDefault(entry => entry.Value.InfoHash == infoHash).Key;

    /// <summary>Does what is to be done.</summary>
    public void Advance()
    {
        while (_done.TryDequeue(out var finish))
        {
            _underWay--;
            finish();
        }

        while (_peer.TryPoll(out var output))
        {
            switch (output)
            {
                case JobOutput.Send send:
                    _loop.Transport.Send(send.Rank, JobCodec.TagOf(_rank, send.Message), JobCodec.Write(send.Message));
                    break;
                case JobOutput.Post post:
                    _loop.Host.Post(post.Input with { Swarm = _files[post.File].Swarm });
                    break;
                case JobOutput.Open { IsOwned: true } open:
                    var all = new Bitfield(open.File.SegmentCount);
                    all.SetAll();
                    Begin(open, _content.StoreOf(open.File.Name), all);
                    FinishIfWanted(open.File, _content.StoreOf(open.File.Name));
                    break;
                case JobOutput.Open open:
                    OpenWanted(open);
                    break;
                default:
                    throw new InvalidOperationException($"nobody does {output.GetType().Name}");
            }
        }
    }

    private void Take(int rank, ReadOnlyMemory<byte> bytes)
    {
        var message = JobCodec.Read(rank, bytes);
        // Who is told to stop has said all it will: nobody waits for its load any more.
        if (!_peer.IsOver)
        {
            _peer.Handle(rank, message);
        }
    }

    // The swarm is known at once, since a stop may come for it; its content once the disk was looked at.
    private void OpenWanted(JobOutput.Open open)
    {
        Add(open);
        InBackground(
            () => _content.OpenWanted(open.File),
            opened => Ready(open, opened.Store, opened.Have),
            failure => Failed(open.File, failure));
    }

    private void Begin(JobOutput.Open open, IPieceStore store, Bitfield have)
    {
        Add(open);
        Ready(open, store, have);
    }

    private void Add(JobOutput.Open open)
    {
        var name = open.File.Name;
        var file = new OpenFile(_session.Add(open.Options), open.Options.InfoHash);
        _files.Add(name, file);
        _loop.Host.Attach(file.Swarm, new SwarmResources { OnEvent = happening => Happened(open.File, happening) });
    }

    private void Ready(JobOutput.Open open, IPieceStore store, Bitfield have)
    {
        var file = _files[open.File.Name];
        file.Store = store;
        Attach(open.File, file);
        _loop.Host.Post(new Input(InputKind.ContentReady, file.Swarm, Detail: open.File.Content(have)));
        _loop.Host.Post(new Input(InputKind.Start, file.Swarm));
        _peer.Opened(open.File.Name);
    }

    private void Attach(JobFile job, OpenFile file) => _loop.Host.Attach(file.Swarm, new SwarmResources
    {
        Layout = job.Layout,
        Store = file.Store,
        OnEvent = happening => Happened(job, happening),
    });

    private void Happened(JobFile job, SwarmEvent happening)
    {
        _peer.Handle(job.Name, happening);
        if (happening is SwarmEvent.Completed && _files[job.Name].Store is { } store && !_files[job.Name].IsFinishing)
        {
            FinishIfWanted(job, store);
        }
    }

    private void FinishIfWanted(JobFile job, IPieceStore store)
    {
        var file = _files[job.Name];
        if (!_wanted.Contains(job.Name) || file.IsFinishing)
        {
            return;
        }

        file.IsFinishing = true;
        InBackground(
            () => _content.Finish(job, store),
            finished =>
            {
                ResultCount++;
                if (finished != store)
                {
                    file.Store = finished;
                    Attach(job, file);
                }
            },
            failure => _problems.Add($"rank {_rank}: {failure}"));
    }

    private void Failed(JobFile job, string failure)
    {
        _problems.Add($"rank {_rank}: {failure}");
        _peer.Handle(job.Name, new SwarmEvent.Paused(failure));
    }

    private void InBackground<T>(Func<T> work, Action<T> done, Action<string> failed)
    {
        _underWay++;
        _ = Task.Run(() =>
        {
            try
            {
                var result = work();
                _done.Enqueue(() => done(result));
            }
            catch (Exception error) when (error is StorageException or JobException or IOException or UnauthorizedAccessException)
            {
                _done.Enqueue(() => failed(error.Message));
            }
#pragma warning disable CA1031 // a thread of ours has nobody above it: the loop's thread throws it on
            catch (Exception error)
#pragma warning restore CA1031
            {
                _done.Enqueue(() => throw new InvalidOperationException(error.Message, error));
            }
        });
    }

    private sealed class OpenFile(SwarmId swarm, InfoHash infoHash)
    {
        public SwarmId Swarm => swarm;

        public InfoHash InfoHash => infoHash;

        public IPieceStore? Store { get; set; }

        public bool IsFinishing { get; set; }
    }
}
