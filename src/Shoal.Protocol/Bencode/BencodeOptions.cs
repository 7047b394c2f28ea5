namespace Shoal.Protocol.Bencode;

/// <summary>What a <see cref="BencodeReader"/> puts up with. Immutable.</summary>
public sealed record BencodeOptions
{
    /// <summary>The deepest nesting that can be asked for.</summary>
    public const int GreatestDepth = 64;

    /// <summary>Everything BEP 3 asks: for metainfo, whose bytes have one valid form.</summary>
    public static readonly BencodeOptions Strict = new();

    /// <summary>
    /// The same with dictionary keys in any order, and then repeated as well: for messages of trackers and peers,
    /// some of which never sort.
    /// </summary>
    public static readonly BencodeOptions UnsortedKeys = new() { AllowUnsortedKeys = true };

    /// <summary>How deep lists and dictionaries may nest; 1 to <see cref="GreatestDepth"/>, which is also the default.</summary>
    public int MaximumDepth
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, GreatestDepth);
            field = value;
        }
    } = GreatestDepth;

    /// <summary>The longest string, in bytes. Default: whatever the input holds.</summary>
    public int MaximumStringLength { get; init; } = int.MaxValue;

    /// <summary>Whether keys may stand in any order. Which of two equal keys counts is then the caller's choice.</summary>
    public bool AllowUnsortedKeys { get; init; }
}
