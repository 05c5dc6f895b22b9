using System.Buffers.Binary;
using FsCheck;
using FsCheck.Xunit;
using Parquet;
using Parquet.Schema;
using static Whence.Tests.Images.Shards;

namespace Whence.Tests.Images;

public class ParquetSourceTests
{
    [Theory]
    [InlineData(CompressionMethod.None)]
    [InlineData(CompressionMethod.Snappy)]
    [InlineData(CompressionMethod.Gzip)]
    [InlineData(CompressionMethod.Zstd)]
    [InlineData(CompressionMethod.Brotli)]
    [InlineData(CompressionMethod.Lz4Raw)]
    public async Task Rows_are_images_with_key_caption_and_metadata(CompressionMethod compression)
    {
        using var folder = new TempFolder();
        var file = await FiveRowsAsync(folder["a.parquet"], compression);
        var items = await ListAsync(file);
        Assert.Equal(["k0", "k1", "2", "k3", "k4"], items.Select(item => item.Key));
        Assert.Equal(Enumerable.Range(0, 5).Select(row => $"{file}::{row}"), items.Select(item => item.Source));
        var first = await ReadAsync(items[0]);
        Assert.Equal(("image 0", "a cat"), (Text(first.Bytes), first.Caption));
        Assert.Equal(new Dictionary<string, string> { ["similarity"] = "0.1" }, first.Metadata);
        Assert.Empty((await ReadAsync(items[1])).Metadata);
        Assert.Null((await ReadAsync(items[1])).Caption);
        Assert.Equal("1E+300", (await ReadAsync(items[2])).Metadata["similarity"]);
        Assert.Contains("holds no image", await ErrorAsync(items[3]));
        foreach (var item in items.Where((_, row) => row != 3))
        {
            Assert.Equal((await ReadAsync(item)).Bytes.ToArray(), await AgainAsync(item.Source));
        }
    }

    [Fact]
    public async Task The_hugging_face_struct_is_understood()
    {
        using var folder = new TempFolder();
        var file = await ParquetAsync(
            folder["a.parquet"],
            10,
            CompressionMethod.Snappy,
            [
                new StructField("image", new DataField<byte[]>("bytes"), new DataField<string>("path")), new DataField<string>("text"),
                new DataField<bool?>("nsfw"), new DataField<DateTime?>("made"), new DataField<int>("label"),
            ],
            new byte[]?[] { Bytes("A"), null, Bytes("C") },
            new string?[] { "a.png", "b.png", null },
            new string?[] { "one", "two", null },
            new bool?[] { true, false, null },
            new DateTime?[] { new DateTime(2024, 2, 29, 1, 2, 3, DateTimeKind.Utc), null, null },
            new int[] { 7, 8, 9 });
        var items = await ListAsync(file);
        Assert.Equal(["a.png", "b.png", "2"], items.Select(item => item.Key));
        var first = await ReadAsync(items[0]);
        Assert.Equal(("A", "one"), (Text(first.Bytes), first.Caption));
        Assert.Equal(["label", "made", "nsfw"], first.Metadata.Keys.Order());
        Assert.Equal(("7", "true"), (first.Metadata["label"], first.Metadata["nsfw"]));
        Assert.Equal("2024-02-29T01:02:03", first.Metadata["made"]);
        Assert.Contains("holds no image", await ErrorAsync(items[1]));
        Assert.Equal("C", Text((await ReadAsync(items[2])).Bytes));
        Assert.Equal("9", (await ReadAsync(items[2])).Metadata["label"]);
    }

    [Fact]
    public async Task Text_without_annotation_serves_as_key_and_caption()
    {
        using var folder = new TempFolder();
        var file = await ParquetAsync(
            folder["a.parquet"],
            10,
            CompressionMethod.None,
            [new DataField<byte[]>("img"), new DataField<byte[]>("id"), new DataField<byte[]>("TEXT"), new DataField<byte[]>("mask")],
            new byte[]?[] { Bytes("A") },
            new byte[]?[] { Bytes("schlüssel") },
            new byte[]?[] { Bytes("größe") },
            new byte[]?[] { [0, 255] });
        var item = Assert.Single(await ListAsync(file));
        var content = await ReadAsync(item);
        Assert.Equal(("schlüssel", "größe"), (item.Key, content.Caption));
        Assert.Empty(content.Metadata);
    }

    [Fact]
    public async Task Parallel_reads_across_row_groups_equal_reads_in_turn()
    {
        using var folder = new TempFolder();
        var images = Enumerable.Range(0, 60).Select(i => (byte[]?)Bytes($"image {i}")).ToArray();
        var file = await ParquetAsync(folder["a.parquet"], 7, CompressionMethod.Snappy, [new DataField<byte[]>("image")], new object[] { images });
        var items = await ListAsync(file);
        var read = new string[60];
        await Parallel.ForAsync(0, 60, TestContext.Current.CancellationToken, async (i, token) =>
            read[i] = Text((await items[i].ReadAsync(token)).Bytes));
        Assert.Equal(images.Select(image => Text(image)), read);
        Assert.Equal("image 41", Text(await AgainAsync(items[41].Source)));
    }

    [Fact]
    public async Task A_table_without_images_is_told_apart()
    {
        using var folder = new TempFolder();
        await ParquetAsync(folder["a.parquet"], 9, CompressionMethod.None, [new DataField<string>("url")], new object[] { new string?[] { "u" } });
        await FiveRowsAsync(folder["b.parquet"]);
        var items = await ListAsync(folder["*.parquet"]);
        Assert.Equal(6, items.Count);
        Assert.Matches(@"no column of image bytes .* among url; .* metadata", await ErrorAsync(items[0]));
    }

    [Fact]
    public async Task Images_over_the_limit_fail_alone()
    {
        using var folder = new TempFolder();
        var file = await ParquetAsync(
            folder["a.parquet"], 9, CompressionMethod.None, [new DataField<byte[]>("image")], new object[] { new byte[]?[] { new byte[Limit + 1], [1] } });
        var items = await ListAsync(file);
        Assert.Contains("--max-file-bytes", await ErrorAsync(items[0]));
        Assert.Equal(1, (await ReadAsync(items[1])).Bytes.Length);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(-1)]
    [InlineData(99999999999)]
    public async Task A_row_that_has_gone_is_said_so(long row)
    {
        using var folder = new TempFolder();
        var file = await FiveRowsAsync(folder["a.parquet"]);
        var error = await Assert.ThrowsAsync<WhenceException>(async () => await AgainAsync($"{file}::{row}"));
        Assert.Contains("no longer holds a row", error.Message);
    }

    [Fact]
    public async Task Cut_or_foreign_files_fail_once()
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(await FiveRowsAsync(folder["z.parquet"]));
        foreach (var cut in new[] { 1, 4, 11, 12, 100, whole.Length - 4, whole.Length - 1 })
        {
            File.WriteAllBytes(folder["a.parquet"], whole[..cut]);
            var item = Assert.Single(await ListAsync(folder["a.parquet"]));
            Assert.Equal((folder["a.parquet"] + "::", ""), (item.Source, item.Key));
            Assert.Contains("not usable Parquet", await ErrorAsync(item));
        }
    }

    [Fact]
    public async Task A_broken_page_fails_its_row_group_only()
    {
        using var folder = new TempFolder();
        var images = Enumerable.Range(0, 4).Select(i => (byte[]?)Bytes(new string((char)('a' + i), 100))).ToArray();
        var file = await ParquetAsync(folder["a.parquet"], 2, CompressionMethod.None, [new DataField<byte[]>("image")], new object[] { images });
        var bytes = File.ReadAllBytes(file);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(bytes.AsSpan().IndexOf("aaaa"u8) - 4), int.MaxValue);
        File.WriteAllBytes(file, bytes);
        var items = await ListAsync(file);
        Assert.Contains("not usable Parquet", await ErrorAsync(items[0]));
        Assert.Contains("not usable Parquet", await ErrorAsync(items[1]));
        Assert.Equal("cccc", Text((await ReadAsync(items[2])).Bytes[..4]));
    }

    [Property(MaxTest = 300)]
    public async Task Mutated_files_are_read_or_refused(DoNotSize<int> seed, bool footer)
    {
        CompressionMethod[] all = [CompressionMethod.None, CompressionMethod.Snappy, CompressionMethod.Gzip, CompressionMethod.Zstd];
        using var folder = new TempFolder();
        var file = await FiveRowsAsync(folder["a.parquet"], all[(uint)seed.Item % all.Length]);
        var bytes = File.ReadAllBytes(file);
        var split = bytes.Length - 8 - BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(bytes.Length - 8));
        File.WriteAllBytes(file, footer ? [.. bytes[..split], .. Mutate(bytes[split..], seed)] : [.. Mutate(bytes[..split], seed), .. bytes[split..]]);
        try
        {
            await ReadAllAsync(file);
        }
        catch (WhenceException)
        {
        }
    }
}
