using Shoal.Engine;
using Shoal.Engine.Swarms;
using Shoal.Protocol;
using Shoal.Simulation.Jobs;
using Shoal.Simulation.Network;
using Shoal.Simulation.Scenarios;
using Shoal.Simulation.Time;
using Path = Shoal.Simulation.Network.Path;

namespace Shoal.Simulation.Peers;

/// <summary>
/// A peer: its place in the world, its disk, and what became of it. It lives as often as it is started again after a crash; each life
/// is a <see cref="MachineDriver"/> of its own, with the program that it runs.
/// </summary>
internal sealed class VirtualPeer
{
    private readonly World _world;
    private IProgram? _program;
    private long _wastedBefore;
    private bool _hasGivenUp; // left before it was complete, and not because all was over

    public VirtualPeer(World world, int number, PeerClass peerClass, Path path)
    {
        (_world, Number, Class, Path) = (world, number, peerClass, path);
        Disk = new VirtualDisk(world.Layout, peerClass.IsSeeder);
    }

    /// <summary>Its number, from 0.</summary>
    public int Number { get; }

    /// <summary>Its rank, from 1: rank 0 is the tracker's.</summary>
    public int Rank => Number + 1;

    /// <summary>Where others find it.</summary>
    public PeerAddress Address => _world.AddressOf(this);

    /// <summary>What kind of peer it is.</summary>
    public PeerClass Class { get; }

    /// <summary>Its ways to and from the network.</summary>
    public Path Path { get; }

    /// <summary>What it has.</summary>
    public VirtualDisk Disk { get; }

    /// <summary>Its present life; null while it is not there.</summary>
    public MachineDriver? Driver { get; private set; }

    /// <summary>Counts its lives: what was begun in one is void in the next.</summary>
    public int Life { get; private set; }

    /// <summary>Whether it is there.</summary>
    public bool IsRunning => Driver is not null;

    /// <summary>When it first came.</summary>
    public Instant JoinedAt { get; private set; } = Instant.Never;

    /// <summary>When it first had everything; never of one that had it from the beginning.</summary>
    public Instant CompletedAt { get; private set; } = Instant.Never;

    /// <summary>Whether it has left for good.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>Whether it is to complete: an honest leecher that has not gone before.</summary>
    public bool IsExpected => Class is { IsSeeder: false, Behavior: Behavior.Honest } && !_hasGivenUp;

    /// <summary>Payload that left, over all lives.</summary>
    public long UploadedBytes { get; set; }

    /// <summary>Payload that came, expected or not, over all lives.</summary>
    public long DownloadedBytes { get; set; }

    /// <summary>Acknowledgements that are to go through its uplink, see <see cref="WireCosts"/>.</summary>
    public long OwedAckBytes { get; set; }

    /// <summary>Payload that was of no use, as the engine counts it.</summary>
    public long WastedBytes => _wastedBefore + (_program?.WastedBytes ?? 0);

    /// <summary>How its swarm stands; null while it is not there, and in a job.</summary>
    public SwarmStatus? Status => (_program as SwarmProgram)?.Status;

    /// <summary>Its ends of links, in the order in which they were opened.</summary>
    public IReadOnlyList<LinkEnd> Ends => Driver?.Ends ?? [];

    /// <summary>Whether it must keep the rules: a liar serves what it does not have.</summary>
    public bool IsChecked => Class.Behavior != Behavior.Liar;

    /// <summary>Comes, or comes back.</summary>
    public void Start()
    {
        if (IsRunning || HasLeft)
        {
            return;
        }

        if (JoinedAt == Instant.Never)
        {
            JoinedAt = _world.Now;
            _world.Joined(this);
        }

        _program = _world.Job is { } job ? new JobProgram(_world, job, this) : new SwarmProgram(_world, this);
        Driver = new MachineDriver(_world, this, _program);
        _program.Start(Driver);
    }

    /// <summary>Leaves politely; one that is not there just now, because it crashed, never comes back.</summary>
    public void Leave()
    {
        if (_program is { } program)
        {
            program.Leave();
        }
        else
        {
            Go();
        }
    }

    /// <summary>It has left, for good.</summary>
    public void Left()
    {
        Go();
        End();
    }

    /// <summary>The process is killed.</summary>
    /// <param name="isForGood">Whether it never comes back.</param>
    public void Crash(bool isForGood)
    {
        if (isForGood)
        {
            Go();
        }

        if (Driver is { } driver)
        {
            driver.HangUp();
            driver.Tear();
            End();
            Disk.Crash();
        }
    }

    /// <summary>An event of this peer's has come.</summary>
    public void Handle(in Event happening)
    {
        if (happening.Life == Life)
        {
            Driver?.Handle(happening);
        }
    }

    /// <summary>Something happened in its swarm.</summary>
    public void Happened(SwarmEvent happening)
    {
        switch (happening)
        {
            case SwarmEvent.PieceCompleted { Piece: var piece }:
                Safety.Require(!IsChecked || Disk.Right[piece], "a piece counts that is not verified", piece);
                _world.Got(this);
                break;
            case SwarmEvent.Completed when !Class.IsSeeder && CompletedAt == Instant.Never && IsChecked:
                Safety.Require(Disk.Right.IsFull, "a download counts as complete that is not");
                CompletedAt = _world.Now;
                _world.Completed(this);
                break;
            default:
                break;
        }
    }

    private void Go()
    {
        if (!HasLeft)
        {
            HasLeft = true;
            if (_world.Job is null && IsExpected && CompletedAt == Instant.Never)
            {
                _hasGivenUp = true;
                _world.GaveUp();
            }
        }
    }

    private void End()
    {
        _wastedBefore += _program!.WastedBytes;
        Driver!.End();
        (Driver, _program) = (null, null);
        Life++;
    }
}
