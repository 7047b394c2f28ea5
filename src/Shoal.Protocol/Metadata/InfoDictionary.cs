using System.Security.Cryptography;
using Shoal.Protocol.Bencode;

namespace Shoal.Protocol.Metadata;

/// <summary>
/// Reads the info dictionary (BEP 3, 27, 47, and what tells a hybrid or v2 torrent by BEP 52) and checks that its parts
/// fit together. An error is left in the reader, with the offset of the part that is wrong.
/// </summary>
internal sealed class InfoDictionary
{
    private readonly PathRules _rules;
    private int _offset;
    private string? _name;
    private string? _nameUtf8;
    private int _nameOffset;
    private long _pieceLength = -1;
    private int _pieceLengthOffset;
    private ReadOnlyMemory<byte>? _pieces;
    private int _piecesOffset;
    private long _length = -1;
    private ContentAttributes _attributes;
    private FileList? _files;
    private int _filesOffset;
    private bool _isPrivate;
    private bool _hasVersion2;
    private ReadOnlyMemory<byte> _sealed;
    private ReadOnlyMemory<byte> _bytes;
    private PieceLayout? _layout;

    private InfoDictionary(PathRules rules) => _rules = rules;

    /// <summary>Reads the dictionary that comes next; null if the reader failed. The document is the reader's whole input.</summary>
    public static InfoDictionary? Read(ref BencodeReader reader, ReadOnlyMemory<byte> document, PathRules rules)
    {
        var info = new InfoDictionary(rules) { _offset = reader.Offset };
        reader.EnterDictionary();
        while (reader.NextKey(out var key))
        {
            info.ReadValue(ref reader, key, document);
        }

        if (!reader.Failed)
        {
            info._bytes = document[info._offset..reader.Offset];
            info.Check(ref reader);
        }

        return reader.Failed ? null : info;
    }

    /// <summary>Reads the value of the key "private" (BEP 27).</summary>
    public static bool ReadPrivate(ref BencodeReader reader) => reader.ReadInteger() == 1;

    public Metainfo ToMetainfo(
        IReadOnlyList<IReadOnlyList<string>> trackers, IReadOnlyList<string> webSeeds, IReadOnlyList<MagnetPeer> nodes,
        bool mayUseDht, string? comment, string? createdBy, DateTimeOffset? creationDate) => new()
    {
        InfoHash = new InfoHash(SHA1.HashData(_bytes.Span)),
        Name = _name!,
        IsFolder = _files is not null,
        Layout = _layout!,
        Files = _files?.Files ?? [new ContentFile(_name!, _length, 0, _attributes)],
        PieceHashes = _pieces!.Value,
        IsPrivate = _isPrivate,
        IsHybrid = _hasVersion2,
        InfoBytes = _bytes,
        SealedHeader = _sealed,
        Trackers = trackers,
        WebSeeds = webSeeds,
        Nodes = nodes,
        MayUseDht = mayUseDht,
        Comment = comment,
        CreatedBy = createdBy,
        CreationDate = creationDate,
    };

    private void ReadValue(ref BencodeReader reader, ReadOnlySpan<byte> key, ReadOnlyMemory<byte> document)
    {
        switch (key)
        {
            case var _ when key.SequenceEqual("attr"u8):
                _attributes = FileList.ReadAttributes(ref reader) & ~ContentAttributes.Padding; // a lone file is content
                break;
            case var _ when key.SequenceEqual("file tree"u8):
                _hasVersion2 = true;
                break;
            case var _ when key.SequenceEqual("files"u8):
                _filesOffset = reader.Offset;
                _files = FileList.Read(ref reader, _rules);
                break;
            case var _ when key.SequenceEqual("length"u8):
                _length = reader.ReadInteger(0, long.MaxValue);
                break;
            case var _ when key.SequenceEqual("meta version"u8):
                _hasVersion2 |= reader.Peek() == BencodeKind.Integer && reader.ReadInteger() >= 2;
                break;
            case var _ when key.SequenceEqual("name"u8):
                _nameOffset = reader.Offset;
                _name = reader.ReadText();
                break;
            case var _ when key.SequenceEqual("name.utf-8"u8):
                _nameUtf8 = reader.ReadText();
                break;
            case var _ when key.SequenceEqual("piece length"u8):
                _pieceLengthOffset = reader.Offset;
                _pieceLength = reader.ReadInteger(1, PieceLayout.MaximumPieceLength);
                break;
            case var _ when key.SequenceEqual("pieces"u8):
                _piecesOffset = reader.Offset;
                var length = reader.ReadString().Length;
                _pieces = document[(reader.Offset - length)..reader.Offset];
                break;
            case var _ when key.SequenceEqual("private"u8):
                _isPrivate = ReadPrivate(ref reader);
                break;
            case var _ when key.SequenceEqual("sealed"u8) && reader.Peek() == BencodeKind.String:
                var sealedLength = reader.ReadString().Length;
                _sealed = document[(reader.Offset - sealedLength)..reader.Offset];
                break;
        }
    }

    private void Check(ref BencodeReader reader)
    {
        _name = _nameUtf8 ?? _name;
        if (_pieces is null && _hasVersion2)
        {
            reader.FailAt(_offset, "a v2-only torrent (BEP 52) is not supported yet");
        }
        else if (_name is null || _pieceLength < 0 || _pieces is null)
        {
            reader.FailAt(_offset, $"the info dictionary lacks '{(_name is null ? "name" : _pieceLength < 0 ? "piece length" : "pieces")}'");
        }
        else if ((_length >= 0) == (_files is not null))
        {
            reader.FailAt(_offset, $"the info dictionary has {(_files is null ? "neither" : "both")} 'length' {(_files is null ? "nor" : "and")} 'files'");
        }
        else if (SafePath.WhatIsWrongWith(_name, _rules) is { } wrong)
        {
            reader.FailAt(_nameOffset, wrong);
        }
        else
        {
            CheckLayout(ref reader);
        }
    }

    private void CheckLayout(ref BencodeReader reader)
    {
        var total = _files?.TotalLength ?? _length;
        var pieceLength = (int)_pieceLength;
        var pieces = (total / pieceLength) + (total % pieceLength == 0 ? 0 : 1);
        var hashBytes = _pieces!.Value.Length;
        if (_attributes.HasFlag(ContentAttributes.Symlink))
        {
            reader.FailAt(_offset, "a torrent of nothing but a symbolic link");
        }
        else if (pieces > PieceLayout.MaximumPieceCount)
        {
            reader.FailAt(_pieceLengthOffset, $"{total} bytes in pieces of {pieceLength} are {pieces} pieces; at most {PieceLayout.MaximumPieceCount} are read");
        }
        else if (hashBytes % PieceHash.Sha1Length != 0)
        {
            reader.FailAt(_piecesOffset, $"'pieces' has {hashBytes} bytes, not a multiple of {PieceHash.Sha1Length}");
        }
        else if (hashBytes / PieceHash.Sha1Length != pieces)
        {
            reader.FailAt(_piecesOffset, $"'pieces' has {hashBytes / PieceHash.Sha1Length} hashes, and {total} bytes in pieces of {pieceLength} need {pieces}");
        }
        else
        {
            _layout = new PieceLayout(total, pieceLength);
        }
    }
}
