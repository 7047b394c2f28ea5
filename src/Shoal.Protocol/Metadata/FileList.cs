using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Metadata;

/// <summary>
/// Reads the file list of a multi-file torrent (BEP 3, 47): every path is safe, no two files are one, and the
/// lengths add up to a number that fits. An error is left in the reader.
/// </summary>
internal sealed class FileList
{
    private readonly PathRules _rules;
    private readonly PathTree _tree;
    private readonly List<ContentFile> _files = [];
    private List<string> _path = [];
    private List<string> _pathUtf8 = [];

    private FileList(PathRules rules)
    {
        _rules = rules;
        _tree = new PathTree(rules);
    }

    public IReadOnlyList<ContentFile> Files => _files;

    public long TotalLength { get; private set; }

    public static FileList Read(ref BencodeReader reader, PathRules rules)
    {
        var list = new FileList(rules);
        reader.EnterList();
        while (reader.NextItem())
        {
            list.ReadFile(ref reader);
        }

        return list;
    }

    /// <summary>Letters of BEP 47; those unknown are passed over.</summary>
    public static ContentAttributes ReadAttributes(ref BencodeReader reader)
    {
        var attributes = ContentAttributes.None;
        foreach (var letter in reader.ReadString())
        {
            attributes |= letter switch
            {
                (byte)'p' => ContentAttributes.Padding,
                (byte)'x' => ContentAttributes.Executable,
                (byte)'h' => ContentAttributes.Hidden,
                (byte)'l' => ContentAttributes.Symlink,
                _ => ContentAttributes.None,
            };
        }

        return attributes;
    }

    private void ReadFile(ref BencodeReader reader)
    {
        var offset = reader.Offset;
        var attributes = ContentAttributes.None;
        var length = -1L;
        _path.Clear();
        _pathUtf8.Clear();
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            switch (key)
            {
                case var _ when key.SequenceEqual("attr"u8):
                    attributes = ReadAttributes(ref reader);
                    break;
                case var _ when key.SequenceEqual("length"u8):
                    length = reader.ReadInteger(0, long.MaxValue);
                    break;
                case var _ when key.SequenceEqual("path"u8):
                    ReadPath(ref reader, _path);
                    break;
                case var _ when key.SequenceEqual("path.utf-8"u8):
                    ReadPath(ref reader, _pathUtf8);
                    break;
            }
        }

        if (_pathUtf8.Count > 0)
        {
            (_path, _pathUtf8) = (_pathUtf8, _path);
        }

        if (length < 0 && attributes.HasFlag(ContentAttributes.Symlink))
        {
            length = 0; // a link has no content, and some writers leave its length out
        }

        if (!reader.Failed && WhatIsWrongWith(length, attributes) is { } wrong)
        {
            reader.FailAt(offset, wrong);
        }

        if (!reader.Failed)
        {
            _files.Add(new ContentFile(string.Join('/', _path), length, TotalLength, attributes));
            TotalLength += length;
        }
    }

    private static void ReadPath(ref BencodeReader reader, List<string> path)
    {
        reader.EnterList();
        while (reader.NextItem())
        {
            path.Add(reader.ReadText());
        }
    }

    private string? WhatIsWrongWith(long length, ContentAttributes attributes)
    {
        if (length < 0)
        {
            return "a file without a length";
        }

        if (attributes.HasFlag(ContentAttributes.Symlink) && length != 0)
        {
            return "a symbolic link with content";
        }

        if (length > long.MaxValue - TotalLength)
        {
            return "the files' lengths add up to more than 64 bits";
        }

        if (_files.Count == MetainfoReader.MaximumFileCount)
        {
            return $"more than {MetainfoReader.MaximumFileCount} files";
        }

        return WhatIsWrongWithPath(attributes.HasFlag(ContentAttributes.Padding));
    }

    private string? WhatIsWrongWithPath(bool isPadding)
    {
        if (_path.Count == 0)
        {
            return "a file without a path";
        }

        var bytes = _path.Count - 1;
        foreach (var component in _path)
        {
            if (SafePath.WhatIsWrongWith(component, _rules) is { } wrong)
            {
                return wrong;
            }

            bytes += System.Text.Encoding.UTF8.GetByteCount(component);
        }

        if (bytes > SafePath.MaximumPathBytes)
        {
            return $"a path of {bytes} bytes; at most {SafePath.MaximumPathBytes} are read";
        }

        // Padding is never stored, and its files often share one name.
        return isPadding ? null : _tree.Add(_path);
    }
}
