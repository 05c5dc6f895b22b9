using Microsoft.Win32.SafeHandles;
using Parquet.Meta;

namespace Whence.Files;

/// <summary>
/// Checks what a Parquet file says about itself against what it can hold, before the Parquet library allocates for it: that
/// library trusts counts and sizes, and follows the schema by recursion. What remains unchecked is inside the compressed pages,
/// where the library's own bounds checks apply.
/// </summary>
internal static class ParquetGuard
{
    /// <summary>Most rows in one row group; writers make 10^3 to 10^6.</summary>
    public const int MaxRowsInGroup = 1 << 24;

    private const int MaxSchemaDepth = 32, MaxFooter = 1 << 26, MaxPageHeader = 1 << 20;

    /// <summary>What even a tiny file may hold, since nothing is smaller than what repeats.</summary>
    private const long FreeRows = 1 << 20, FreeBytes = 128 << 20;

    /// <summary>Walks the footer.</summary>
    public static void CheckFooter(SafeFileHandle file)
    {
        var length = RandomAccess.GetLength(file);
        Span<byte> tail = stackalloc byte[8];
        if (length < 12 || RandomAccess.Read(file, tail, length - 8) != 8 || !tail[4..].SequenceEqual("PAR1"u8))
        {
            throw new InvalidDataException("the mark PAR1 is missing at its end; it is cut short, encrypted, or no Parquet file");
        }

        var size = BitConverter.ToInt32(tail);
        if (size <= 0 || size > Math.Min(length - 12, MaxFooter))
        {
            throw new InvalidDataException($"its footer claims {size} bytes of a file of {length}");
        }

        var footer = new byte[size];
        if (RandomAccess.Read(file, footer, length - 8 - size) != size)
        {
            throw new EndOfStreamException();
        }

        var reader = new ThriftReader(footer);
        var whole = reader;
        ParquetShapes.Check(ref whole, ParquetShapes.Footer);
        short id = 0;
        while (reader.NextField(ref id, out var type))
        {
            if (id == 2 && type == ThriftReader.List)
            {
                CheckSchema(ref reader);
            }
            else
            {
                reader.Skip(type);
            }
        }
    }

    /// <summary>Checks the rows that the row groups claim, each and together.</summary>
    public static void CheckRowGroups(FileMetaData metadata, long fileLength)
    {
        long rows = 0, cells = 0;
        foreach (var group in metadata.RowGroups)
        {
            // A row takes a bit or less where values repeat: a thousand rows a byte is beyond every real table.
            if (group.NumRows < 0 || group.NumRows > MaxRowsInGroup || group.NumRows > fileLength * 1024)
            {
                throw new InvalidDataException(
                    $"a row group claims {group.NumRows} rows in a file of {fileLength} bytes; at most {MaxRowsInGroup} a row group are read");
            }

            // Row groups may share their pages; a whole table has a key, a bit or more a row.
            rows += group.NumRows;
            cells += group.NumRows * group.Columns.Count;
            if (rows > FreeRows + (4 * fileLength) || cells > (8 * FreeRows) + (4 * fileLength))
            {
                throw new InvalidDataException(
                    $"it claims {rows} rows and {cells} values in {fileLength} bytes, more than {FreeRows} rows or {8 * FreeRows} values and 4 more a byte");
            }
        }
    }

    /// <summary>
    /// Checks what the columns of a row group unpack to together, as they are held in memory. Images hardly shrink; text shrinks to a
    /// third or a tenth, and what repeats is stored once, in a dictionary.
    /// </summary>
    public static void CheckUnpacked(long bytes, long fileLength)
    {
        if (bytes > FreeBytes + (8 * fileLength))
        {
            throw new InvalidDataException(
                $"the columns of a row group claim to unpack to {bytes} bytes in a file of {fileLength}, more than {FreeBytes} and 8 more a byte");
        }
    }

    /// <summary>Walks the headers of all pages of one flat column in one row group.</summary>
    /// <returns>The bytes that they unpack to.</returns>
    public static long CheckPages(SafeFileHandle file, ColumnMetaData column, long rows)
    {
        if (column.NumValues != rows)
        {
            throw new InvalidDataException($"a column claims {column.NumValues} values in {rows} rows");
        }

        var length = RandomAccess.GetLength(file);
        var position = column.DictionaryPageOffset is > 0 and var first ? Math.Min(first, column.DataPageOffset) : column.DataPageOffset;
        long values = 0, total = 0;
        while (values < rows)
        {
            var page = ReadHeader(file, position, length);
            position += page.HeaderSize;
            if (page.Compressed < 0 || page.Compressed > length - position || page.Values < 0)
            {
                throw new InvalidDataException($"a page at byte {position} claims {page.Compressed} bytes and {page.Values} values");
            }

            total += CheckUncompressed(file, column.Codec, page, position);
            if (total > int.MaxValue || page.Values > Math.Max(rows, 8 * page.Uncompressed))
            {
                throw new InvalidDataException(
                    $"a column of a row group claims {total} bytes; at most {int.MaxValue} are read: rewrite the file with smaller row groups");
            }

            position += page.Compressed;
            values += page.IsDictionary ? 0 : page.Values;
        }

        if (values != rows)
        {
            throw new InvalidDataException($"the pages of a column claim {values} values in {rows} rows");
        }

        return total;
    }

    private static long CheckUncompressed(SafeFileHandle file, CompressionCodec codec, in Page page, long position)
    {
        // Deflate cannot exceed 1032 : 1, Snappy 22 : 1. Zstandard and Brotli can on constant data; pages are 1 MiB or so with most
        // writers and some tens with a few, so that much is free.
        var most = codec switch
        {
            CompressionCodec.UNCOMPRESSED => page.Compressed,
            CompressionCodec.SNAPPY => 64 * page.Compressed,
            _ => (1100 * page.Compressed) + (64 << 20),
        };
        var claimed = page.Uncompressed;
        if (codec == CompressionCodec.SNAPPY && page.Levels < page.Compressed)
        {
            // Snappy says its length once more itself, and that is what the library allocates.
            Span<byte> prefix = stackalloc byte[5];
            prefix.Clear();
            _ = RandomAccess.Read(file, prefix, position + page.Levels);
            var inner = 0L;
            for (var i = 0; i < 5 && page.IsCompressed; i++)
            {
                inner |= (long)(prefix[i] & 127) << (7 * i);
                if (prefix[i] < 128)
                {
                    break;
                }
            }

            claimed = Math.Max(claimed, inner);
        }

        return page.Uncompressed >= 0 && page.Levels >= 0 && claimed <= most
            ? page.Uncompressed
            : throw new InvalidDataException($"a page at byte {position} claims that its {page.Compressed} bytes unpack to {claimed}");
    }

    private static Page ReadHeader(SafeFileHandle file, long position, long length)
    {
        if (position < 4 || position >= length)
        {
            throw new InvalidDataException($"a page would begin at byte {position} of {length}");
        }

        // A header is some 30 bytes unless it carries statistics of long values.
        for (var size = 256; ; size *= 8)
        {
            var bytes = new byte[Math.Min(size, length - position)];
            var read = RandomAccess.Read(file, bytes, position);
            try
            {
                return ParseHeader(bytes.AsSpan(0, read));
            }
            catch (EndOfStreamException) when (size < MaxPageHeader && size < length - position)
            {
            }
        }
    }

    private static Page ParseHeader(ReadOnlySpan<byte> bytes)
    {
        var reader = new ThriftReader(bytes);
        var whole = reader;
        ParquetShapes.Check(ref whole, ParquetShapes.PageHeader);
        var page = new Page { IsCompressed = true };
        short id = 0;
        while (reader.NextField(ref id, out var type))
        {
            switch (id)
            {
                case 1:
                    page.IsDictionary = reader.ReadInteger() == (long)PageType.DICTIONARY_PAGE;
                    break;
                case 2:
                    page.Uncompressed = reader.ReadInteger();
                    break;
                case 3:
                    page.Compressed = reader.ReadInteger();
                    break;
                case 5 or 7 or 8 when type == ThriftReader.Struct:
                    ParseKind(ref reader, id == 8, ref page);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        page.HeaderSize = reader.Position;
        return page;
    }

    private static void ParseKind(ref ThriftReader reader, bool version2, ref Page page)
    {
        short id = 0;
        while (reader.NextField(ref id, out var type))
        {
            switch (id)
            {
                case 1:
                    page.Values = Math.Max(page.Values, reader.ReadInteger());
                    break;
                case 5 or 6 when version2: // the levels stand before the compressed values
                    page.Levels += reader.ReadInteger();
                    break;
                case 7 when version2:
                    page.IsCompressed = type == 1;
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }
    }

    // The schema is a tree in preorder, each element with its number of children (field 5).
    private static void CheckSchema(ref ThriftReader reader)
    {
        var open = new Stack<long>();
        for (var left = reader.ReadListHead(out var elementType); left > 0; left--)
        {
            if (elementType != ThriftReader.Struct)
            {
                throw new InvalidDataException("its schema is not a list of elements");
            }

            long children = 0;
            short id = 0;
            while (reader.NextField(ref id, out var type))
            {
                if (id == 5)
                {
                    children = reader.ReadInteger();
                }
                else
                {
                    reader.Skip(type);
                }
            }

            if (open.TryPop(out var siblings))
            {
                open.Push(siblings - 1);
            }

            if (children < 0 || children >= left || open.Count > MaxSchemaDepth)
            {
                throw new InvalidDataException($"a schema element claims {children} children at depth {open.Count}");
            }

            open.Push(children);
            while (open.TryPeek(out var missing) && missing == 0)
            {
                open.Pop();
            }
        }

        if (open.Count > 0)
        {
            throw new InvalidDataException("its schema ends before all children are described");
        }
    }

    private struct Page
    {
        public int HeaderSize;
        public long Compressed, Uncompressed, Values, Levels;
        public bool IsDictionary, IsCompressed;
    }
}
