using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Whence.Vectors;

/// <summary>One file in a zip archive, as the central directory describes it.</summary>
internal sealed record ZipEntry(string Name, bool Deflated, long CompressedLength, long Length, long HeaderOffset);

/// <summary>
/// The table of contents of a zip archive, including zip64. Unlike the framework's reader it tells where an entry's bytes lie,
/// so that uncompressed ones (all tensors of a torch.save file) are used where they are mapped. Format: PKWARE's APPNOTE.
/// </summary>
internal sealed class ZipDirectory
{
    private const int EndSize = 22;
    private const int LocatorSize = 20;
    private const int End64Size = 56;
    private const int CentralSize = 46;
    private const int LocalSize = 30;

    /// <summary>Deflate cannot shrink more than this: a larger claim is a lie, found before anything is allocated.</summary>
    private const int MaxRatio = 1032;

    private readonly MappedFile _file;
    private readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);

    public ZipDirectory(MappedFile file)
    {
        _file = file;
        var (offset, length) = FindCentralDirectory();
        var end = offset + length;
        while (offset < end)
        {
            offset = ReadEntry(offset, end);
        }
    }

    public IReadOnlyDictionary<string, ZipEntry> Entries => _entries;

    public static bool LooksLikeZip(MappedFile file) => file.Length >= 4 && file.Bytes(0, 2).SequenceEqual("PK"u8);

    /// <summary>Where the bytes of an uncompressed entry begin in the file; all of them lie in it.</summary>
    public long Locate(ZipEntry entry)
    {
        if (entry.HeaderOffset > _file.Length - LocalSize)
        {
            throw Damaged(entry.Name);
        }

        var header = _file.Bytes(entry.HeaderOffset, LocalSize);
        var offset = entry.HeaderOffset + LocalSize
            + BinaryPrimitives.ReadUInt16LittleEndian(header[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        return header.StartsWith("PK\x3\x4"u8) && offset <= _file.Length - entry.CompressedLength
            ? offset
            : throw Damaged(entry.Name);
    }

    /// <summary>The entry's content, decompressed on the way. Its length may still differ from what the directory claims.</summary>
    public Stream Open(ZipEntry entry)
    {
        var raw = _file.Stream(Locate(entry), entry.CompressedLength);
        return entry.Deflated ? new DeflateStream(raw, CompressionMode.Decompress) : raw;
    }

    /// <summary>The whole content of an entry of at most <paramref name="limit"/> bytes.</summary>
    public byte[] ReadAll(ZipEntry entry, int limit)
    {
        if (entry.Length > limit)
        {
            throw _file.Bad($"'{entry.Name}' has {entry.Length} bytes, more than the {limit} that are read; the file is damaged.");
        }

        var content = new byte[entry.Length];
        using var stream = Open(entry);
        Fill(stream, content, entry);
        return content;
    }

    /// <summary>Fills the buffer from an entry's stream.</summary>
    /// <exception cref="WhenceException">The entry ends before, or its compressed data is damaged.</exception>
    public void Fill(Stream stream, Span<byte> buffer, ZipEntry entry)
    {
        try
        {
            if (stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
            {
                throw Damaged(entry.Name);
            }
        }
        catch (InvalidDataException)
        {
            throw Damaged(entry.Name);
        }
    }

    private (long Offset, long Length) FindCentralDirectory()
    {
        var tailLength = Math.Min(_file.Length, EndSize + ushort.MaxValue);
        var tailStart = _file.Length - tailLength;
        var tail = _file.Bytes(tailStart, tailLength);
        for (var at = tail.Length - EndSize; at >= 0; at--)
        {
            // A comment may contain the signature too: its own length has to fit the file's end.
            if (!tail[at..].StartsWith("PK\x5\x6"u8)
                || BinaryPrimitives.ReadUInt16LittleEndian(tail[(at + 20)..]) != tail.Length - at - EndSize)
            {
                continue;
            }

            long length = BinaryPrimitives.ReadUInt32LittleEndian(tail[(at + 12)..]);
            long offset = BinaryPrimitives.ReadUInt32LittleEndian(tail[(at + 16)..]);
            if (length == uint.MaxValue || offset == uint.MaxValue)
            {
                (offset, length) = ReadEnd64(tailStart + at - LocatorSize);
            }

            return offset >= 0 && length >= 0 && offset <= tailStart + at && length <= tailStart + at - offset
                ? (offset, length)
                : throw Damaged("the table of contents");
        }

        throw _file.Bad("the zip archive has no end record; it was not written or copied to the end, make or copy it again.");
    }

    private (long Offset, long Length) ReadEnd64(long locatorAt)
    {
        if (locatorAt < 0 || !_file.Bytes(locatorAt, LocatorSize).StartsWith("PK\x6\x7"u8))
        {
            throw Damaged("the zip64 locator");
        }

        var at = BinaryPrimitives.ReadInt64LittleEndian(_file.Bytes(locatorAt + 8, 8));
        if (at < 0 || at > locatorAt - End64Size || !_file.Bytes(at, End64Size).StartsWith("PK\x6\x6"u8))
        {
            throw Damaged("the zip64 end record");
        }

        var record = _file.Bytes(at, End64Size);
        return (BinaryPrimitives.ReadInt64LittleEndian(record[48..]), BinaryPrimitives.ReadInt64LittleEndian(record[40..]));
    }

    /// <summary>Reads the entry at the offset and returns where the next one begins.</summary>
    private long ReadEntry(long offset, long end)
    {
        if (end - offset < CentralSize || !_file.Bytes(offset, CentralSize).StartsWith("PK\x1\x2"u8))
        {
            throw Damaged("the table of contents");
        }

        var head = _file.Bytes(offset, CentralSize);
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(head[28..]);
        int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(head[30..]);
        int commentLength = BinaryPrimitives.ReadUInt16LittleEndian(head[32..]);
        var next = offset + CentralSize + nameLength + extraLength + commentLength;
        if (next > end)
        {
            throw Damaged("the table of contents");
        }

        var name = Encoding.UTF8.GetString(_file.Bytes(offset + CentralSize, nameLength));
        var flags = BinaryPrimitives.ReadUInt16LittleEndian(head[8..]);
        var method = BinaryPrimitives.ReadUInt16LittleEndian(head[10..]);
        if ((flags & 1) != 0 || method is not (0 or 8))
        {
            throw _file.Bad($"'{name}' is encrypted or compressed by method {method}; only stored and deflated entries are read.");
        }

        var extra = new Zip64Extra(_file.Bytes(offset + CentralSize + nameLength, extraLength));
        var length = extra.Widen(BinaryPrimitives.ReadUInt32LittleEndian(head[24..]));
        var compressed = extra.Widen(BinaryPrimitives.ReadUInt32LittleEndian(head[20..]));
        var headerOffset = extra.Widen(BinaryPrimitives.ReadUInt32LittleEndian(head[42..]));
        var possible = method == 0
            ? compressed == length
            : compressed >= 0 && compressed <= _file.Length && length <= compressed * MaxRatio;
        if (!possible || length < 0 || compressed > _file.Length || headerOffset < 0 || headerOffset > _file.Length)
        {
            throw _file.Bad($"'{name}' claims {length} bytes in {compressed}, which the archive cannot hold; the file is damaged.");
        }

        return _entries.TryAdd(name, new ZipEntry(name, method == 8, compressed, length, headerOffset))
            ? next
            : throw _file.Bad($"'{name}' appears twice in the archive; the file is damaged.");
    }

    private WhenceException Damaged(string what) =>
        _file.Bad($"the zip archive is damaged at {what}; make or copy the file again.");

    /// <summary>The 64-bit values of extra field 1, in order, for those 32-bit fields that say "look there".</summary>
    private ref struct Zip64Extra
    {
        private ReadOnlySpan<byte> _rest;

        public Zip64Extra(ReadOnlySpan<byte> extra)
        {
            while (extra.Length >= 4)
            {
                var length = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]), extra.Length - 4);
                if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == 1)
                {
                    _rest = extra.Slice(4, length);
                    return;
                }

                extra = extra[(4 + length)..];
            }
        }

        public long Widen(uint value)
        {
            if (value != uint.MaxValue || _rest.Length < 8)
            {
                return value;
            }

            var wide = BinaryPrimitives.ReadInt64LittleEndian(_rest);
            _rest = _rest[8..];
            return wide;
        }
    }
}
