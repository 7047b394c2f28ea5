namespace Shoal.Protocol.Bencode;

/// <summary>The kind of the next thing in bencoded data.</summary>
public enum BencodeKind : byte
{
    /// <summary>Nothing: the data has ended, is malformed here, or the reader has failed.</summary>
    None,
    Integer,
    String,
    List,
    Dictionary,

    /// <summary>The end of the list or dictionary that is being read.</summary>
    End,
}
