namespace Shoal.Tracker.Catalogue;

/// <summary>How many bytes may be held at a time: who wants to hold more waits until there is room, in turn. Thread-safe.</summary>
internal sealed class ByteBudget(int unitCount)
{
    /// <summary>What is counted in, so that the smallest takes something, too.</summary>
    public const int UnitLength = 64 * 1024;

    private readonly SemaphoreSlim _units = new(unitCount);
    private readonly SemaphoreSlim _turn = new(1); // two who had half of what they want each would wait for ever

    /// <summary>Waits for room for so many bytes, of which there is at most a part of all.</summary>
    /// <returns>What to give back.</returns>
    public async Task<int> TakeAsync(int length, CancellationToken cancellationToken)
    {
        var wanted = Math.Clamp((length + UnitLength - 1) / UnitLength, 1, unitCount);
        var taken = 0;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            for (; taken < wanted; taken++)
            {
                await _units.WaitAsync(cancellationToken);
            }

            return taken;
        }
        catch (OperationCanceledException) when (taken > 0)
        {
            _units.Release(taken);
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Takes room for so many bytes if it is there, without waiting.</summary>
    public bool TryTake(int length, out int taken)
    {
        var wanted = Math.Clamp((length + UnitLength - 1) / UnitLength, 1, unitCount);
        for (taken = 0; taken < wanted; taken++)
        {
            if (!_units.Wait(0))
            {
                if (taken > 0)
                {
                    _units.Release(taken);
                }

                return false;
            }
        }

        return true;
    }

    /// <summary>Gives back what was taken.</summary>
    public void Give(int taken) => _units.Release(taken);
}
