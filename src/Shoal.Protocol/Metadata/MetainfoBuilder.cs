using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Metadata;

/// <summary>A file to be put into a torrent.</summary>
/// <param name="Path">Its path below the torrent's folder, components joined by '/'; of a lone file, not used.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Attributes">What is special about it (BEP 47).</param>
public sealed record NewFile(string Path, long Length, ContentAttributes Attributes = ContentAttributes.None);

/// <summary>
/// What a new torrent shall say. <see cref="TryBuild"/> writes it and reads it back, so that what it makes can be read.
/// </summary>
public sealed record MetainfoBuilder
{
    /// <summary>The name of the file or of the folder.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the files stand in a folder of that name; else there must be exactly one.</summary>
    public required bool IsFolder { get; init; }

    /// <summary>The files in the order of the content.</summary>
    public required IReadOnlyList<NewFile> Files { get; init; }

    /// <summary>Bytes in a piece; see <see cref="PieceLengthRule"/>.</summary>
    public required int PieceLength { get; init; }

    /// <summary>The SHA-1 hashes of all pieces, 20 bytes each.</summary>
    public required ReadOnlyMemory<byte> PieceHashes { get; init; }

    /// <summary>Tracker URLs in tiers (BEP 12). Default: none.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Trackers { get; init; } = [];

    /// <summary>URLs of web seeds (BEP 19). Default: none.</summary>
    public IReadOnlyList<string> WebSeeds { get; init; } = [];

    /// <summary>Whether peers may come from the trackers only (BEP 27). Default: no.</summary>
    public bool IsPrivate { get; init; }

    /// <summary>Whether who has it may look for it in the DHT; it is no part of what is hashed. Default: yes.</summary>
    public bool MayUseDht { get; init; } = true;

    /// <summary>The sealed header of a secret share. Default: empty, it is none.</summary>
    public ReadOnlyMemory<byte> SealedHeader { get; init; }

    /// <summary>A comment. Default: none.</summary>
    public string? Comment { get; init; }

    /// <summary>The program that makes it. Default: none.</summary>
    public string? CreatedBy { get; init; }

    /// <summary>When it is made; whole seconds are kept. Default: none.</summary>
    public DateTimeOffset? CreationDate { get; init; }

    /// <summary>Makes the metainfo; where the parts do not fit, one line tells why.</summary>
    /// <remarks>Paths are checked against <paramref name="rules"/>, by default only against what is refused everywhere.</remarks>
    public bool TryBuild([NotNullWhen(true)] out Metainfo? metainfo, out string error, PathRules rules = PathRules.None)
    {
        metainfo = null;
        error = WhatIsWrongAtOnce();
        if (error.Length > 0)
        {
            return false;
        }

        var info = new ArrayBufferWriter<byte>(PieceHashes.Length + 256);
        WriteInfo(info);
        var reader = new BencodeReader(info.WrittenSpan);
        var read = InfoDictionary.Read(ref reader, info.WrittenMemory, rules);
        if (read is null)
        {
            error = reader.ErrorDetail!;
            return false;
        }

        metainfo = read.ToMetainfo([.. Trackers.Where(tier => tier.Count > 0)], WebSeeds, [], MayUseDht, Comment, CreatedBy, CreationDate);
        return true;
    }

    private string WhatIsWrongAtOnce()
    {
        if (!IsFolder && Files.Count != 1)
        {
            return $"a torrent without a folder has one file, not {Files.Count}";
        }

        foreach (var url in Trackers.SelectMany(tier => tier).Concat(WebSeeds))
        {
            if (!MetainfoReader.IsPlausibleUrl(url))
            {
                return $"'{SafePath.ForDisplay(url)}' is no URL";
            }
        }

        return Files.FirstOrDefault(file => file.Length < 0) is { } file
            ? $"the file '{SafePath.ForDisplay(file.Path)}' has a negative length"
            : "";
    }

    private void WriteInfo(IBufferWriter<byte> output)
    {
        var writer = new BencodeWriter(output);
        writer.BeginDictionary();
        FileListWriter.Write(writer, IsFolder, Files);
        writer.WriteKey("name"u8);
        writer.WriteText(Name);
        writer.WriteKey("piece length"u8);
        writer.WriteInteger(PieceLength);
        writer.WriteKey("pieces"u8);
        writer.WriteString(PieceHashes.Span);
        if (IsPrivate)
        {
            writer.WriteKey("private"u8);
            writer.WriteInteger(1);
        }

        if (!SealedHeader.IsEmpty)
        {
            writer.WriteKey("sealed"u8);
            writer.WriteString(SealedHeader.Span);
        }

        writer.End();
    }
}
