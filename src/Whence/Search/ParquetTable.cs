using Parquet;
using Parquet.Schema;

namespace Whence.Search;

/// <summary>A small Parquet file of the index, read whole: every column as long, int or text.</summary>
internal sealed class ParquetTable
{
    private readonly string _path;
    private readonly Dictionary<string, Array> _columns = [];

    private ParquetTable(string path) => _path = path;

    public int Rows { get; private set; }

    public IEnumerable<string> Names => _columns.Keys;

    public static ParquetTable Read(string path)
    {
        var table = new ParquetTable(path);
        try
        {
            using var stream = new MemoryStream(File.ReadAllBytes(path));

            // A memory stream completes every asynchronous call at once, so waiting here never blocks a thread on I/O.
            table.ReadAsync(stream).GetAwaiter().GetResult();
            return table;
        }
        catch (Exception e) when (e is not WhenceException)
        {
            // The library throws whatever its decoders trip over on damaged bytes.
            throw table.Damaged(e.Message.ReplaceLineEndings(" "), e);
        }
    }

    public WhenceException Damaged(string why, Exception? cause = null)
    {
        var message = $"{_path}: damaged ({why}); 'whence verify' tells what else is, restore the file from a backup.";
        return cause is null ? new WhenceException(message) : new WhenceException(message, cause);
    }

    public long[] Int64(string name) => Column<long>(name);

    public int?[] Int32(string name) => Column<int?>(name);

    public string?[] Text(string name) => Column<string?>(name);

    private T[] Column<T>(string name) =>
        _columns.GetValueOrDefault(name) as T[] ?? throw Damaged($"no column '{name}' of the expected type");

    private async Task ReadAsync(Stream stream)
    {
        await using var reader = await ParquetReader.CreateAsync(stream);
        if (reader.RowGroupCount != 1)
        {
            throw Damaged($"{reader.RowGroupCount} row groups, expected 1");
        }

        using var group = reader.OpenRowGroupReader(0);
        if (group.RowCount < 0 || group.RowCount > stream.Length)
        {
            throw Damaged($"it claims {group.RowCount} rows");
        }

        Rows = (int)group.RowCount;
        foreach (var field in reader.Schema.DataFields)
        {
            _columns[field.Name] = await ReadColumnAsync(group, field);
        }
    }

    private async Task<Array> ReadColumnAsync(ParquetRowGroupReader group, DataField field)
    {
        if (field.ClrType == typeof(string))
        {
            var text = new string?[Rows];
            await group.ReadAsync(field, text!);
            return text;
        }

        if (field.ClrType == typeof(long))
        {
            var longs = new long[Rows];
            await group.ReadAsync<long>(field, longs);
            return longs;
        }

        if (field.ClrType == typeof(int))
        {
            var ints = new int?[Rows];
            await group.ReadAsync<int>(field, ints);
            return ints;
        }

        throw Damaged($"column '{field.Name}' is {field.ClrType}");
    }
}
