using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Shoal.Protocol.Bencode;
using Shoal.Protocol.Metadata;

namespace Shoal.Protocol.Secrets;

/// <summary>
/// What only the link's holders learn of a secret share (docs/secret-shares.md): names and lengths. The maker of a link is a stranger, so
/// what is read is held to all that holds of a torrent's file list. Immutable.
/// </summary>
/// <param name="Name">The name of the file or of the folder: one safe path component.</param>
/// <param name="IsFolder">Whether the files stand in a folder of that name; else there is one file.</param>
/// <param name="Files">The files in the order of the content.</param>
public sealed record SecretHeader(string Name, bool IsFolder, IReadOnlyList<ContentFile> Files)
{
    private const int ShortestPadded = 1024;

    /// <summary>Bytes of all files.</summary>
    public long ContentLength => Files.Sum(file => file.Length);

    /// <summary>The header as it is sealed: bencoded, with zeros to the next power of two that is 1 KiB or more.</summary>
    public byte[] Encode()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new BencodeWriter(output);
        writer.BeginDictionary();
        FileListWriter.Write(writer, IsFolder, [.. Files.Select(file => new NewFile(file.Path, file.Length, file.Attributes))]);
        writer.WriteKey("name"u8);
        writer.WriteText(Name);
        writer.End();
        var padded = new byte[(int)Math.Max(ShortestPadded, BitOperations.RoundUpToPowerOf2((uint)output.WrittenCount))];
        output.WrittenSpan.CopyTo(padded);
        return padded;
    }

    /// <summary>Reads what <see cref="Encode"/> writes, or one line tells what is wrong. Never throws for what the bytes hold.</summary>
    public static bool TryDecode(
        ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out SecretHeader? header, out string error, PathRules? rules = null)
    {
        var reader = new BencodeReader(bytes);
        string? name = null;
        FileList? files = null;
        var length = -1L;
        var attributes = ContentAttributes.None;
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            switch (key)
            {
                case var _ when key.SequenceEqual("attr"u8):
                    attributes = FileList.ReadAttributes(ref reader) & ContentAttributes.Executable; // a lone file is content
                    break;
                case var _ when key.SequenceEqual("files"u8):
                    files = FileList.Read(ref reader, rules ?? SafePath.Local);
                    break;
                case var _ when key.SequenceEqual("length"u8):
                    length = reader.ReadInteger(0, long.MaxValue);
                    break;
                case var _ when key.SequenceEqual("name"u8):
                    name = reader.ReadText();
                    break;
            }
        }

        error = reader.Failed ? reader.Error!.Text
            : bytes[reader.Offset..].ContainsAnyExcept((byte)0) ? "something else than zeros follows it"
            : name is null ? "it has no name"
            : (length >= 0) == (files is not null) ? "it has not one of 'length' and 'files'"
            : SafePath.WhatIsWrongWith(name, rules ?? SafePath.Local) ?? "";
        header = error.Length > 0 ? null : new SecretHeader(name!, files is not null, files?.Files ?? [new ContentFile(name!, length, 0, attributes)]);
        return header is not null;
    }
}
