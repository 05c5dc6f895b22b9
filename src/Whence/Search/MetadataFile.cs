using Parquet;
using Parquet.Schema;

namespace Whence.Search;

/// <summary>Reads and writes the index's Parquet files: metadata parts, failures, removals (<c>docs/formats.md</c>).</summary>
internal static class MetadataFile
{
    private static readonly string[] OwnColumns = ["id", "source", "key", "width", "height", "sha256", "caption"];

    public static byte[] WriteImages(IReadOnlyList<IndexedImage> images)
    {
        var extra = images.SelectMany(i => i.Extra.Keys).Distinct().Order(StringComparer.Ordinal).ToArray();
        var columns = new List<(DataField Field, Func<ParquetRowGroupWriter, DataField, Task> Write)>
        {
            Int64("id", i => i.Id),
            Text("source", i => i.Source, nullable: false),
            Text("key", i => i.Key, nullable: false),
            Int32("width", i => i.Width),
            Int32("height", i => i.Height),
            Text("sha256", i => i.Sha256),
            Text("caption", i => i.Caption),
        };
        columns.AddRange(extra.Select(name => Text(name, i => i.Extra.GetValueOrDefault(name))));
        return Write(columns);

        (DataField, Func<ParquetRowGroupWriter, DataField, Task>) Int64(string name, Func<IndexedImage, long> value) =>
            (new DataField<long>(name), (group, field) => group.WriteAsync<long>(field, images.Select(value).ToArray()));
        (DataField, Func<ParquetRowGroupWriter, DataField, Task>) Int32(string name, Func<IndexedImage, int?> value) =>
            (new DataField<int?>(name), (group, field) => group.WriteAsync<int>(field, images.Select(value).ToArray()));
        (DataField, Func<ParquetRowGroupWriter, DataField, Task>) Text(string name, Func<IndexedImage, string?> value, bool nullable = true) =>
            TextColumn(name, images.Select(value), nullable);
    }

    public static byte[] WriteFailures(IReadOnlyList<FailedImage> failures) => Write(
    [
        TextColumn("source", failures.Select(f => f.Source), nullable: false),
        TextColumn("key", failures.Select(f => f.Key), nullable: false),
        TextColumn("error", failures.Select(f => f.Error), nullable: false),
    ]);

    public static byte[] WriteRemovals(IReadOnlyList<long> ids) => Write(
    [
        (new DataField<long>("id"), (group, field) => group.WriteAsync<long>(field, ids.ToArray())),
    ]);

    public static IReadOnlyList<IndexedImage> ReadImages(string path, long firstId, int rows)
    {
        var table = ParquetTable.Read(path);
        var ids = table.Int64("id");
        var sources = table.Text("source");
        var keys = table.Text("key");
        if (table.Rows != rows || ids.Length != rows || !ids.SequenceEqual(Enumerable.Range(0, rows).Select(i => firstId + i)))
        {
            throw table.Damaged($"its ids are not {firstId}..{firstId + rows - 1}");
        }

        var widths = table.Int32("width");
        var heights = table.Int32("height");
        var hashes = table.Text("sha256");
        var captions = table.Text("caption");
        var extra = table.Names.Except(OwnColumns).Select(name => (Name: name, Values: table.Text(name))).ToArray();
        return Enumerable.Range(0, rows).Select(i => new IndexedImage
        {
            Id = ids[i],
            Source = sources[i] ?? throw table.Damaged($"row {i} has no source"),
            Key = keys[i] ?? throw table.Damaged($"row {i} has no key"),
            Width = widths[i],
            Height = heights[i],
            Sha256 = hashes[i],
            Caption = captions[i],
            Extra = extra.Where(e => e.Values[i] is not null).ToDictionary(e => e.Name, e => e.Values[i]!),
        }).ToArray();
    }

    public static IReadOnlyList<FailedImage> ReadFailures(string path)
    {
        var table = ParquetTable.Read(path);
        var (sources, keys, errors) = (table.Text("source"), table.Text("key"), table.Text("error"));
        return Enumerable.Range(0, table.Rows).Select(i => new FailedImage(sources[i] ?? "", keys[i] ?? "", errors[i] ?? "")).ToArray();
    }

    public static IReadOnlyList<long> ReadRemovals(string path) => ParquetTable.Read(path).Int64("id");

    private static (DataField, Func<ParquetRowGroupWriter, DataField, Task>) TextColumn(string name, IEnumerable<string?> values, bool nullable) =>
        (new DataField(name, typeof(string), nullable), (group, field) => group.WriteAsync(field, values.ToArray()!));

    private static byte[] Write(IReadOnlyList<(DataField Field, Func<ParquetRowGroupWriter, DataField, Task> Write)> columns)
    {
        // A memory stream completes every asynchronous call at once, so waiting here never blocks a thread on I/O.
        return WriteAsync().GetAwaiter().GetResult();

        async Task<byte[]> WriteAsync()
        {
            using var stream = new MemoryStream();
            await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(columns.Select(c => c.Field)), stream))
            {
                using var group = writer.CreateRowGroup();
                foreach (var (field, write) in columns)
                {
                    await write(group, field);
                }
            }

            return stream.ToArray();
        }
    }

}
