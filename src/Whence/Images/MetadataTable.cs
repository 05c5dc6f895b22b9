using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using Whence.Files;

namespace Whence.Images;

/// <summary>
/// Extra columns for images, joined by a key: creator, licence, and whatever else a person keeps in a table of their own. The
/// table is held in memory.
/// </summary>
public sealed class MetadataTable
{
    // Every row keeps a place for every column: JSON lines that each bring new names would fill the memory quadratically.
    private const int MaxColumns = 1000;

    private static readonly string[] KeyNames = ["key", "source", "path", "file", "filename"];

    private readonly Dictionary<string, string?[]> _rows = new(StringComparer.Ordinal);
    private readonly HashSet<string> _values = new(StringComparer.Ordinal); // licences and creators repeat: each text is kept once
    private readonly string _path;
    private readonly string[] _keyNames;
    private int _captionColumn = -1;

    private MetadataTable(string path, string[] keyNames) => (_path, _keyNames) = (path, keyNames);

    /// <summary>
    /// Names of the columns that <see cref="Find"/> may return: those of the file without the key and the caption, renamed where
    /// they would collide with the index's own, see <see cref="MetadataNames"/>.
    /// </summary>
    public IReadOnlyList<string> Columns { get; private set; } = [];

    /// <summary>Number of rows.</summary>
    public int Count => _rows.Count;

    /// <summary>What the rows are of, in the order of the file.</summary>
    internal IEnumerable<string> Keys => _rows.Keys;

    /// <summary>
    /// Reads a table: <c>.csv</c> (or <c>.tsv</c>) with a header, <c>.jsonl</c> or <c>.ndjson</c> with one object a line, or
    /// <c>.parquet</c>. One column names the image: <c>key</c>, <c>source</c>, <c>path</c>, <c>file</c> or <c>filename</c>, the
    /// first of these that is there (case does not matter). Empty values count as absent.
    /// </summary>
    /// <exception cref="WhenceException">
    /// Another kind of file, no such column, a key twice, two columns of one name, or a broken file; with the row's number.
    /// </exception>
    public static Task<MetadataTable> LoadAsync(string path, CancellationToken cancellationToken) => LoadAsync(path, KeyNames, cancellationToken);

    /// <summary>Reads a table whose rows need not be of images.</summary>
    /// <param name="path">The file, as of the other.</param>
    /// <param name="keyNames">Columns that may name what a row is of; the first of these that is there does.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="WhenceException">As of the other.</exception>
    internal static async Task<MetadataTable> LoadAsync(string path, string[] keyNames, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var table = new MetadataTable(path, keyNames);
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".csv":
                await table.LoadCsvAsync(",", cancellationToken).ConfigureAwait(false);
                break;
            case ".tsv":
                await table.LoadCsvAsync("\t", cancellationToken).ConfigureAwait(false);
                break;
            case ".jsonl" or ".ndjson":
                await table.LoadJsonLinesAsync(cancellationToken).ConfigureAwait(false);
                break;
            case ".parquet":
                await table.LoadParquetAsync(cancellationToken).ConfigureAwait(false);
                break;
            default:
                throw new WhenceException($"{path}: a metadata table is a .csv, .tsv, .jsonl, .ndjson or .parquet file");
        }

        table._values.Clear();
        return table;
    }

    /// <summary>The image's columns: looked up by its source, its key, its key without extension, and its file name, in this order; empty if none is there.</summary>
    public IReadOnlyDictionary<string, string> Find(ImageItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return Values(Row(item) ?? []);
    }

    /// <summary>The columns of a row by what it is of; null where there is none.</summary>
    internal IReadOnlyDictionary<string, string>? FindKey(string key) => _rows.TryGetValue(key, out var row) ? Values(row) : null;

    /// <summary>What is known of an image: the table's values before its own.</summary>
    /// <param name="own">What stands beside it.</param>
    /// <param name="row">Its row of a table; null where there is none.</param>
    internal static IReadOnlyDictionary<string, string> Joined(IReadOnlyDictionary<string, string> own, IReadOnlyDictionary<string, string>? row)
    {
        if (row is null)
        {
            return own;
        }

        var joined = new Dictionary<string, string>(own, StringComparer.Ordinal);
        foreach (var (name, value) in row)
        {
            joined[name] = value;
        }

        return joined;
    }

    /// <summary>The image's caption where the table has a column of that name and a value in it; null otherwise.</summary>
    public string? FindCaption(ImageItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return _captionColumn >= 0 && Row(item) is { } row ? row[^1] : null;
    }

    private Dictionary<string, string> Values(string?[] row)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < Columns.Count && i < row.Length; i++)
        {
            if (row[i] is { } value)
            {
                found.Add(Columns[i], value);
            }
        }

        return found;
    }

    private string?[]? Row(ImageItem item) =>
        _rows.GetValueOrDefault(item.Source) ?? _rows.GetValueOrDefault(item.Key)
        ?? _rows.GetValueOrDefault(Path.ChangeExtension(item.Key, null)) ?? _rows.GetValueOrDefault(Path.GetFileName(item.Source));

    private async Task LoadCsvAsync(string delimiter, CancellationToken cancellationToken)
    {
        var format = new CsvConfiguration(CultureInfo.InvariantCulture) { Delimiter = delimiter, MaxFieldSize = TextLines.MaxLength };
        using var reader = new StreamReader(new FileStream(RegularFile.Open(_path), FileAccess.Read, 1 << 16, isAsync: true), Encoding.UTF8);
        using var csv = new CsvParser(reader, format);
        try
        {
            if (!await csv.ReadAsync().ConfigureAwait(false))
            {
                throw new WhenceException($"{_path}: holds no header");
            }

            var header = csv.Record!;
            var key = SetColumns(header);
            while (await csv.ReadAsync().ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
                var record = csv.Record!;
                if (record.Length != header.Length)
                {
                    throw new WhenceException($"{_path}: row {csv.RawRow} has {record.Length} fields where the header has {header.Length}");
                }

                Add(csv.RawRow, header, record, key);
            }
        }
        catch (Exception error) when (error is CsvHelperException || RegularFile.IsInputError(error))
        {
            throw new WhenceException($"{_path}: row {csv.RawRow} is not valid CSV: {RegularFile.OneLine(error.Message.Split('\n')[0])}", error);
        }
    }

    private async Task LoadJsonLinesAsync(CancellationToken cancellationToken)
    {
        // Names may be absent from any line: a first pass collects them.
        var names = new List<string>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var (number, line) in JsonLinesAsync(cancellationToken).ConfigureAwait(false))
        {
            names.AddRange(line.Keys.Where(known.Add));
            if (names.Count > MaxColumns)
            {
                throw new WhenceException($"{_path}: more than {MaxColumns} different names by line {number}; are values used as names?");
            }
        }

        var header = names.ToArray();
        var key = SetColumns(header);
        await foreach (var (number, line) in JsonLinesAsync(cancellationToken).ConfigureAwait(false))
        {
            Add(number, header, [.. header.Select(name => line.GetValueOrDefault(name))], key);
        }
    }

    private async IAsyncEnumerable<(long Number, Dictionary<string, string?> Line)> JsonLinesAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (number, text) in TextLines.ReadAsync(_path, cancellationToken).ConfigureAwait(false))
        {
            if (!string.IsNullOrWhiteSpace(text))
            {
                yield return (number, Sidecar.ReadObject(Encoding.UTF8.GetBytes(text), $"{_path}: line {number}"));
            }
        }
    }

    private async Task LoadParquetAsync(CancellationToken cancellationToken)
    {
        var table = await ParquetTable.OpenAsync(_path, cancellationToken).ConfigureAwait(false);
        await using var closing = table.ConfigureAwait(false);
        var columns = table.Columns.Where(ParquetTable.IsScalar).ToArray();
        var header = columns.Select(ParquetTable.NameOf).ToArray();
        var key = SetColumns(header);
        long number = 0;
        for (var group = 0; group < table.RowGroupCount; group++)
        {
            var values = new string?[columns.Length][];
            for (var i = 0; i < columns.Length; i++)
            {
                values[i] = await table.ReadTextAsync(group, columns[i], cancellationToken).ConfigureAwait(false);
            }

            for (var row = 0; row < table.RowsIn(group); row++)
            {
                Add(++number, header, [.. values.Select(column => column[row])], key);
            }
        }
    }

    // Fixes the columns and returns the key's place among the file's.
    private int SetColumns(string[] header)
    {
        var key = _keyNames.Select(name => Array.FindIndex(header, column => column.Equals(name, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(place => place >= 0, -1);
        if (key < 0)
        {
            throw new WhenceException(
                $"{_path}: no column names the {(_keyNames == KeyNames ? "image" : _keyNames[0])}: one of {string.Join(", ", _keyNames)} is needed, it has {string.Join(", ", header.Take(20))}");
        }

        _captionColumn = Array.IndexOf(header, "caption");
        Columns = [.. header.Where((_, place) => place != key && place != _captionColumn).Select(MetadataNames.ForTable)];
        return Columns.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw new WhenceException($"{_path}: two columns would be stored as {twice.Key}; rename one")
            : key;
    }

    // A row is kept in the order of Columns, with the caption behind.
    private void Add(long number, string[] header, string?[] record, int key)
    {
        if (record[key] is not { Length: > 0 } name)
        {
            throw new WhenceException($"{_path}: row {number} has no {header[key]}");
        }

        var caption = _captionColumn >= 0 ? new[] { Once(record[_captionColumn]) } : [];
        string?[] row = [.. record.Where((_, place) => place != key && place != _captionColumn).Select(Once), .. caption];
        if (!_rows.TryAdd(name, row))
        {
            throw new WhenceException($"{_path}: row {number} has the {header[key]} \"{name}\" once more; each may stand once");
        }
    }

    private string? Once(string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        if (_values.TryGetValue(value, out var known))
        {
            return known;
        }

        _values.Add(value);
        return value;
    }
}
