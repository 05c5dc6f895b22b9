namespace Whence.Files;

/// <summary>
/// The structs of a Parquet file's footer and page headers, field by field. The Parquet library goes by a field's number alone
/// and takes its type for granted, so that a count where it expects a list sets it reading for ever. Source: parquet.thrift of
/// Parquet format 2.12. Encrypted files have no place here; fields of later versions are skipped by either side.
/// </summary>
internal static class ParquetShapes
{
    public const string Footer = "FileMetaData", PageHeader = "PageHeader";

    // NUMBER:TYPE; b truth value, y i8, h i16, i i32, l i64, s text or bytes, a struct's name, [ a list of one of these.
    private static readonly Dictionary<string, Dictionary<int, string>> Structs = Parse(
        """
        FileMetaData 1:i 2:[SchemaElement 3:l 4:[RowGroup 5:[KeyValue 6:s 7:[Variant 8:Encrypted 9:Encrypted
        SchemaElement 1:i 2:i 3:i 4:s 5:i 6:i 7:i 8:i 9:i 10:LogicalType
        LogicalType 1:Empty 2:Empty 3:Empty 4:Empty 5:Decimal 6:Empty 7:Time 8:Time 10:Integer 11:Empty 12:Empty 13:Empty 14:Empty 15:Empty 16:VariantType 17:Geography 18:Geography
        Decimal 1:i 2:i
        Time 1:b 2:TimeUnit
        TimeUnit 1:Empty 2:Empty 3:Empty
        Integer 1:y 2:b
        VariantType 1:y
        Geography 1:s 2:i
        KeyValue 1:s 2:s
        Variant 1:Empty
        RowGroup 1:[ColumnChunk 2:l 3:l 4:[SortingColumn 5:l 6:l 7:h
        SortingColumn 1:i 2:b 3:b
        ColumnChunk 1:s 2:l 3:ColumnMetaData 4:l 5:i 6:l 7:i 8:Encrypted 9:Encrypted
        ColumnMetaData 1:i 2:[i 3:[s 4:i 5:l 6:l 7:l 8:[KeyValue 9:l 10:l 11:l 12:Statistics 13:[EncodingStats 14:l 15:i 16:SizeStatistics 17:GeospatialStatistics
        Statistics 1:s 2:s 3:l 4:l 5:s 6:s 7:b 8:b
        EncodingStats 1:i 2:i 3:i
        SizeStatistics 1:l 2:[l 3:[l
        GeospatialStatistics 1:BoundingBox 2:[i
        BoundingBox 1:d 2:d 3:d 4:d 5:d 6:d 7:d 8:d
        PageHeader 1:i 2:i 3:i 4:i 5:DataPage 6:Empty 7:DictionaryPage 8:DataPageV2
        DataPage 1:i 2:i 3:i 4:i 5:Statistics
        DictionaryPage 1:i 2:i 3:b
        DataPageV2 1:i 2:i 3:i 4:i 5:i 6:i 7:b 8:Statistics
        Empty
        """);

    /// <summary>Walks a struct and all within it.</summary>
    /// <exception cref="InvalidDataException">A field has another type than it must have.</exception>
    public static void Check(ref ThriftReader reader, string name)
    {
        var fields = Structs.GetValueOrDefault(name) ?? throw new InvalidDataException("it is encrypted, or its columns are");
        short id = 0;
        while (reader.NextField(ref id, out var type))
        {
            if (!fields.TryGetValue(id, out var expected))
            {
                reader.Skip(type);
            }
            else if (expected[0] != '[')
            {
                CheckValue(ref reader, name, id, type, expected);
            }
            else if (type == ThriftReader.List)
            {
                for (var left = reader.ReadListHead(out var element); left > 0; left--)
                {
                    CheckValue(ref reader, name, id, element, expected[1..]);
                }
            }
            else
            {
                throw Mismatch(name, id, type);
            }
        }
    }

    private static void CheckValue(ref ThriftReader reader, string name, short id, byte type, string expected)
    {
        if (expected.Length > 1 ? type != ThriftReader.Struct : !ThriftReader.Is(type, expected[0]))
        {
            throw Mismatch(name, id, type);
        }

        if (expected.Length > 1)
        {
            Check(ref reader, expected);
        }
        else
        {
            reader.Skip(type);
        }
    }

    private static InvalidDataException Mismatch(string name, short id, byte type) => new($"field {id} of {name} has the Thrift type {type}");

    private static Dictionary<string, Dictionary<int, string>> Parse(string text) => text.Split('\n')
        .Select(line => line.Trim().Split(' '))
        .ToDictionary(words => words[0], words => words[1..].Select(word => word.Split(':')).ToDictionary(
            field => int.Parse(field[0], System.Globalization.CultureInfo.InvariantCulture), field => field[1]));
}
