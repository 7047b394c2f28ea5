using Shoal.Engine;
using Shoal.Simulation.Time;

namespace Shoal.Simulation.Fuzzing;

/// <summary>What is still to be done in a world that needs no more than that: deeds in the order of their times, and the hash of what was noted of them.</summary>
internal sealed class Agenda
{
    /// <summary>Deeds at one moment of virtual time, beyond which something turns in a circle.</summary>
    private const int MostAtOnce = 100_000;

    private readonly Timeline _timeline = new();
    private int _countAtMoment;

    /// <summary>Virtual time.</summary>
    public Instant Now => _timeline.Now;

    /// <summary>Deeds so far.</summary>
    public long Count { get; private set; }

    /// <summary>FNV-1a of all that was noted.</summary>
    public ulong Hash { get; private set; } = 14_695_981_039_346_656_037;

    public void At(Instant at, Action deed) => _timeline.Add(at, new Event(EventKind.Mishap, Detail: deed));

    public void After(TimeSpan time, Action deed) => At(Now + time, deed);

    /// <summary>Does all that is to be done by then.</summary>
    public void RunUntil(Instant end)
    {
        while (_timeline.Count > 0 && _timeline.NextAt <= end)
        {
            var before = Now;
            _timeline.TryTake(out var happening);
            _countAtMoment = Now == before ? _countAtMoment + 1 : 0;
            Safety.Require(_countAtMoment < MostAtOnce, "time stands still: everything happens at one moment");
            Count++;
            ((Action)happening.Detail!)();
        }
    }

    /// <summary>Makes something part of the hash, and when it happened.</summary>
    public void Note(int whom, ReadOnlySpan<byte> bytes)
    {
        Mix((ulong)Now.Nanoseconds);
        Mix((uint)whom);
        foreach (var value in bytes)
        {
            Mix(value);
        }
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * 1_099_511_628_211;
}
