namespace Shoal.Mpi.Links;

/// <summary>
/// Whether the loops of other ranks still turn. A loop waits for nothing, no disk and no other rank, so one that says nothing for long
/// is stopped or its machine is gone, and whoever waits for it waits for ever. Used on the thread that calls MPI.
/// </summary>
/// <param name="partners">The ranks that tell us, and that we tell.</param>
/// <param name="time">The clock.</param>
internal sealed class Heartbeat(IEnumerable<int> partners, TimeProvider time)
{
    /// <summary>Between two beats.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>
    /// So many beats of our own without one of theirs, and they are silent: five minutes. Counted in beats and not in time, so that a
    /// whole job that is halted and goes on later is none the worse for it.
    /// </summary>
    public const int Patience = 30;

    private readonly Dictionary<int, int> _missed = partners.ToDictionary(rank => rank, _ => 0);
    private long _beatAt = time.GetTimestamp();

    /// <summary>The ranks to tell that we are alive.</summary>
    public IReadOnlyCollection<int> Partners => _missed.Keys;

    /// <summary>A rank that has been silent for too long; null if there is none.</summary>
    public int? Silent
    {
        get
        {
            foreach (var (rank, missed) in _missed)
            {
                if (missed >= Patience)
                {
                    return rank;
                }
            }

            return null;
        }
    }

    /// <summary>Whether it is time for the next beat; asked often.</summary>
    public bool TryBeat()
    {
        if (time.GetElapsedTime(_beatAt) < Interval)
        {
            return false;
        }

        _beatAt = time.GetTimestamp();
        foreach (var rank in _missed.Keys)
        {
            _missed[rank]++;
        }

        return true;
    }

    /// <summary>The rank has said something, whatever it is.</summary>
    public void Heard(int rank)
    {
        if (_missed.ContainsKey(rank))
        {
            _missed[rank] = 0;
        }
    }

    /// <summary>The rank has said that it will say no more.</summary>
    public void Left(int rank) => _missed.Remove(rank);
}
