namespace Shoal.Protocol;

/// <summary>
/// What a remote did wrong, as a value: decoders return it and the link closes. Nothing is thrown for what
/// a remote sends. The text names what was wrong, and where, in one line.
/// </summary>
public sealed record ProtocolViolation(string Text)
{
    /// <summary>The text.</summary>
    public override string ToString() => Text;
}
