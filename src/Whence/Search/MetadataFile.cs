using Parquet;
using Parquet.Schema;
using Whence.Files;

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

    /// <exception cref="WhenceException">The file is missing or is not as it was written.</exception>
    public static IReadOnlyList<IndexedImage> ReadImages(string folder, IndexPart part)
    {
        var path = Path.Combine(folder, part.MetadataFile);
        Checksum.Check(path, part.MetadataSha256);
        return ReadImages(path, part.FirstId, part.Rows);
    }

    private static IndexedImage[] ReadImages(string path, long firstId, int rows) => Read(path, async table =>
    {
        var ids = await Int64Async(table, "id");
        if (ids.Length != rows || !ids.SequenceEqual(Enumerable.Range(0, rows).Select(i => firstId + i)))
        {
            throw Damaged(path, $"its ids are not {firstId} to {firstId + rows - 1}");
        }

        var sources = await TextAsync(table, "source");
        var keys = await TextAsync(table, "key");
        var widths = await table.ReadValuesAsync<int>(0, Column(table, "width"), CancellationToken.None);
        var heights = await table.ReadValuesAsync<int>(0, Column(table, "height"), CancellationToken.None);
        var hashes = await TextAsync(table, "sha256");
        var captions = await TextAsync(table, "caption");
        var extra = new List<(string Name, string?[] Values)>();
        foreach (var name in table.Columns.Select(ParquetTable.NameOf).Except(OwnColumns))
        {
            extra.Add((name, await TextAsync(table, name)));
        }

        return Enumerable.Range(0, rows).Select(i => new IndexedImage
        {
            Id = ids[i],
            Source = sources[i] ?? throw Damaged(path, $"row {i} has no source"),
            Key = keys[i] ?? throw Damaged(path, $"row {i} has no key"),
            Width = widths[i],
            Height = heights[i],
            Sha256 = hashes[i],
            Caption = captions[i],
            Extra = extra.Where(e => e.Values[i] is not null).ToDictionary(e => e.Name, e => e.Values[i]!),
        }).ToArray();
    });

    /// <summary>Some columns of a part as text; the others are not unpacked.</summary>
    /// <returns>Per name one entry a row, null where the image has none; null for a column that the part does not have.</returns>
    /// <exception cref="WhenceException">The file is missing or is not as it was written.</exception>
    public static string?[]?[] ReadTexts(string folder, IndexPart part, IReadOnlyList<string> names)
    {
        var path = Path.Combine(folder, part.MetadataFile);
        Checksum.Check(path, part.MetadataSha256);
        return Read(path, async table =>
        {
            if (table.RowsIn(0) != part.Rows)
            {
                throw Damaged(path, $"it has {table.RowsIn(0)} rows, the manifest says {part.Rows}");
            }

            var columns = new string?[]?[names.Count];
            foreach (var (i, name) in names.Index())
            {
                columns[i] = table.Find(name) is { } column ? await table.ReadTextAsync(0, column, CancellationToken.None) : null;
            }

            return columns;
        });
    }

    public static IReadOnlyList<string> ReadColumns(string path) =>
        Read(path, table => Task.FromResult(table.Columns.Select(ParquetTable.NameOf).ToArray()));

    public static IReadOnlyList<FailedImage> ReadFailures(string path) => Read(path, async table =>
    {
        var sources = await TextAsync(table, "source");
        var keys = await TextAsync(table, "key");
        var errors = await TextAsync(table, "error");
        return sources.Select((source, i) => new FailedImage(source ?? "", keys[i] ?? "", errors[i] ?? "")).ToArray();
    });

    public static IReadOnlyList<long> ReadRemovals(string path) => Read(path, table => Int64Async(table, "id"));

    private static Task<string?[]> TextAsync(ParquetTable table, string name) =>
        table.ReadTextAsync(0, Column(table, name), CancellationToken.None);

    private static async Task<long[]> Int64Async(ParquetTable table, string name) =>
        [.. (await table.ReadValuesAsync<long>(0, Column(table, name), CancellationToken.None))
            .Select(value => value ?? throw Damaged(table.Path, $"column '{name}' has gaps"))];

    private static DataField Column(ParquetTable table, string name) =>
        table.Find(name) ?? throw Damaged(table.Path, $"no column '{name}'");

    // The index is read synchronously, like everything between the disk and the answer; this is the one place that waits.
    private static T Read<T>(string path, Func<ParquetTable, Task<T>> read)
    {
        return ReadAsync().GetAwaiter().GetResult();

        async Task<T> ReadAsync()
        {
            await using var table = await ParquetTable.OpenAsync(path, CancellationToken.None);
            return table.RowGroupCount == 1 ? await read(table) : throw Damaged(path, $"{table.RowGroupCount} row groups, expected 1");
        }
    }

    private static WhenceException Damaged(string path, string why) =>
        new($"{path}: damaged ({why}); restore it from a backup, 'whence verify' tells what else is.");

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
