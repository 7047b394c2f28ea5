using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Metadata;

/// <summary>Writes what a <see cref="FileList"/>, or the reader of a lone file, reads (BEP 3, 47).</summary>
internal static class FileListWriter
{
    /// <summary>Writes <c>files</c>, or of a lone file <c>attr</c> and <c>length</c>, into the dictionary that is open.</summary>
    public static void Write(BencodeWriter writer, bool isFolder, IReadOnlyList<NewFile> files)
    {
        if (!isFolder)
        {
            WriteAttributes(writer, files[0].Attributes);
            writer.WriteKey("length"u8);
            writer.WriteInteger(files[0].Length);
            return;
        }

        writer.WriteKey("files"u8);
        writer.BeginList();
        foreach (var file in files)
        {
            WriteFile(writer, file);
        }

        writer.End();
    }

    private static void WriteFile(BencodeWriter writer, NewFile file)
    {
        writer.BeginDictionary();
        WriteAttributes(writer, file.Attributes);
        writer.WriteKey("length"u8);
        writer.WriteInteger(file.Length);
        writer.WriteKey("path"u8);
        writer.BeginList();
        foreach (var component in file.Path.Split('/'))
        {
            writer.WriteText(component);
        }

        writer.End();
        writer.End();
    }

    private static void WriteAttributes(BencodeWriter writer, ContentAttributes attributes)
    {
        Span<byte> letters = stackalloc byte[4];
        var count = 0;
        foreach (var (attribute, letter) in new[]
        {
            (ContentAttributes.Hidden, 'h'), (ContentAttributes.Symlink, 'l'), (ContentAttributes.Padding, 'p'), (ContentAttributes.Executable, 'x'),
        })
        {
            if (attributes.HasFlag(attribute))
            {
                letters[count++] = (byte)letter;
            }
        }

        if (count > 0)
        {
            writer.WriteKey("attr"u8);
            writer.WriteString(letters[..count]);
        }
    }
}
