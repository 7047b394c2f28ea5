using Shoal.Protocol;

namespace Shoal.Engine;

/// <summary>
/// A sans-I/O state machine and the law by which it is driven: after every <see cref="Handle"/>, poll until
/// <see cref="TryPoll"/> says no, and do each output in that order; call with a Timer input once
/// <see cref="Deadline"/> has come. The driver does all the waiting. Not thread-safe: one owner at a time.
/// </summary>
public interface IMachine
{
    /// <summary>How many steps there are in <see cref="Warm"/>, from 0 on.</summary>
    const int WarmStepCount = 6;

    /// <summary>When the machine next wants <see cref="InputKind.Timer"/>; it may change with every input.</summary>
    Instant Deadline { get; }

    /// <summary>Tells the machine what happened. Never throws for what a remote did.</summary>
    void Handle(Instant now, in Input input);

    /// <summary>Takes the next thing to do.</summary>
    bool TryPoll(out Output output);

    /// <summary>
    /// An input, probably of this kind, comes soon: what it will touch is brought nearer to the processor, in <see cref="WarmStepCount"/> steps,
    /// since the place of each thing stands in the one before. Changes nothing, whatever is said: the link may have gone, the piece not exist.
    /// For drivers of thousands of machines, none of which is in a cache.
    /// </summary>
    void Warm(InputKind kind, LinkId link, PieceIndex piece, int step)
    {
        // Where machines are few, what they touch is in a cache anyway.
    }
}
