using System.Buffers.Binary;
using Parquet;
using Parquet.Meta;
using Parquet.Schema;
using Whence.Files;
using Whence.Tests.Images;

namespace Whence.Tests.Files;

public class ParquetTableTests
{
    [Fact]
    public async Task Values_keep_their_type_and_their_nulls()
    {
        using var folder = new TempFolder();
        await Shards.FiveRowsAsync(folder["a.parquet"]);
        await using var table = await ParquetTable.OpenAsync(folder["a.parquet"], TestContext.Current.CancellationToken);
        Assert.Equal(["key", "jpg", "caption", "width", "similarity"], table.Columns.Select(ParquetTable.NameOf));
        Assert.Equal((3, 2, 1), (table.RowGroupCount, table.RowsIn(0), table.RowsIn(2)));
        Assert.Equal([3, 4], await table.ReadValuesAsync<int>(1, table.Find("width")!, TestContext.Current.CancellationToken));
        Assert.Equal([0.1, null], await table.ReadValuesAsync<double>(0, table.Find("similarity")!, TestContext.Current.CancellationToken));
        Assert.Null(table.Find("none"));
        await Assert.ThrowsAsync<WhenceException>(() => table.ReadValuesAsync<long>(0, table.Find("width")!, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<WhenceException>(() => table.ReadBytesAsync(0, table.Find("width")!, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_deep_schema_is_refused_before_anyone_recurses_into_it()
    {
        // field 1 (version), field 2: a list of 100,000 structs, each with a name and one child: the process would die of it.
        List<byte> footer = [0x15, 2, 0x19, 0xfc, .. Varint(100_000)];
        for (var i = 0; i < 100_000; i++)
        {
            footer.AddRange([0x48, 1, (byte)'a', 0x15, 2, 0]);
        }

        footer.AddRange([0x16, 0, 0x19, 0x0c, 0]);
        await RefusesAsync(footer, "at depth 33");
    }

    [Theory]
    [InlineData(0x19)]
    [InlineData(0x18)]
    public async Task Counts_beyond_the_file_are_refused_before_they_are_allocated(byte field)
    {
        var before = GC.GetTotalAllocatedBytes();
        await RefusesAsync([0x15, 2, field, .. field == 0x19 ? new byte[] { 0xfc } : [], .. Varint(int.MaxValue), 0], "not usable Parquet");
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 64 << 20);
    }

    [Fact]
    public async Task Nested_structs_are_refused_before_anyone_recurses_into_them() =>
        await RefusesAsync([0xfc, .. Enumerable.Repeat((byte)0x1c, 200_000)], "nested deeper");

    // The library reads by field numbers alone, past the end of the footer and on, for ever.
    [Theory]
    [InlineData(new byte[] { 0x15, 2, 0x15, 2, 0 }, "field 2 of FileMetaData has the Thrift type 5")]
    [InlineData(new byte[] { 0x15, 2, 0x19, 0x15, 2, 0 }, "field 2 of FileMetaData has the Thrift type 5")]
    [InlineData(new byte[] { 0x15, 2, 0x70, 0 }, "a field without a type")]
    [InlineData(new byte[] { 0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0 }, "longer than 32 bits")]
    [InlineData(new byte[] { 0x8c, 0x1c, 0, 0 }, "encrypted")]
    public async Task Fields_of_another_type_than_they_must_have_are_refused(byte[] footer, string message) =>
        await RefusesAsync([.. footer, .. new byte[8]], message);

    [Fact]
    public async Task A_page_that_claims_gigabytes_is_refused()
    {
        using var folder = new TempFolder();
        var file = await Shards.ParquetAsync(
            folder["a.parquet"], 9, CompressionMethod.Snappy, [new DataField<byte[]>("image")], new object[] { new byte[]?[] { new byte[100], new byte[99] } });
        var bytes = File.ReadAllBytes(file);

        // The first page begins at byte 4: Thrift field 1 (type), field 2 (unpacked size) of two bytes, field 3 (packed size).
        Assert.Equal([0x15, 0x15], new[] { bytes[4], bytes[6] });
        var after = 7;
        while (bytes[after++] >= 128)
        {
        }

        byte[] grown = [.. bytes[..7], .. Varint(2u * 2_000_000_000), .. bytes[after..]];
        File.WriteAllBytes(file, grown);
        await using var table = await ParquetTable.OpenAsync(file, TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<WhenceException>(
            () => table.ReadBytesAsync(0, table.Columns[0], TestContext.Current.CancellationToken));
        Assert.Contains("unpack to 2000000000", error.Message);
    }

    [Fact]
    public void What_a_file_claims_grows_with_its_size()
    {
        ParquetGuard.CheckUnpacked((128 << 20) + 80, fileLength: 10);
        Assert.Throws<InvalidDataException>(() => ParquetGuard.CheckUnpacked((128 << 20) + 81, fileLength: 10));

        // A million rows of a constant are honest; row groups that share their pages are not.
        ParquetGuard.CheckRowGroups(Claim(groups: 1, rows: 1 << 20, columns: 8), fileLength: 2000);
        Assert.Throws<InvalidDataException>(() => ParquetGuard.CheckRowGroups(Claim(groups: 2, rows: 1 << 20, columns: 1), fileLength: 2000));
        Assert.Throws<InvalidDataException>(() => ParquetGuard.CheckRowGroups(Claim(groups: 1, rows: 1 << 20, columns: 9), fileLength: 2000));
        ParquetGuard.CheckRowGroups(Claim(groups: 20, rows: 1 << 20, columns: 4), fileLength: 20 << 20);

        static FileMetaData Claim(int groups, long rows, int columns) => new()
        {
            RowGroups = [.. Enumerable.Repeat(new RowGroup { NumRows = rows, Columns = [.. new ColumnChunk[columns]] }, groups)],
        };
    }

    [Fact]
    public async Task Rows_that_repeat_a_long_text_share_it()
    {
        using var folder = new TempFolder();
        await using (var stream = File.Create(folder["a.parquet"]))
        {
            var schema = new ParquetSchema(new DataField("licence", typeof(string), false));
            var options = new ParquetOptions { ColumnEncodingHints = { ["licence"] = EncodingHint.Dictionary } };
            await using var writer = await ParquetWriter.CreateAsync(schema, stream, options, cancellationToken: TestContext.Current.CancellationToken);
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(schema.DataFields[0], Enumerable.Range(0, 100).Select(i => new string((char)('a' + (i % 2)), 100)).ToArray());
        }

        await using var table = await ParquetTable.OpenAsync(folder["a.parquet"], TestContext.Current.CancellationToken);
        var texts = await table.ReadTextAsync(0, table.Columns[0], TestContext.Current.CancellationToken);
        Assert.Equal(new string('b', 100), texts[1]);
        Assert.Same(texts[0], texts[98]);
        Assert.Same(texts[1], texts[99]);
    }

    private static async Task RefusesAsync(List<byte> footer, string message)
    {
        using var folder = new TempFolder();
        var size = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(size, footer.Count);
        File.WriteAllBytes(folder["a.parquet"], [.. "PAR1"u8, .. footer, .. size, .. "PAR1"u8]);
        var error = await Assert.ThrowsAsync<WhenceException>(
            () => ParquetTable.OpenAsync(folder["a.parquet"], TestContext.Current.CancellationToken));
        Assert.Contains(message, error.Message);
    }

    private static byte[] Varint(uint value)
    {
        var bytes = new List<byte>();
        for (; value >= 128; value >>= 7)
        {
            bytes.Add((byte)(value | 128));
        }

        return [.. bytes, (byte)value];
    }
}
