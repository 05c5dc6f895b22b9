using System.Globalization;
using System.Numerics;
using System.Text;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Whence.Files;

/// <summary>
/// A Parquet file that is not trusted: its flat columns (scalars, also inside structs; no lists or maps), one row group at a
/// time. Whatever the Parquet library throws comes out as <see cref="WhenceException"/>. One reader, one thread at a time.
/// </summary>
internal sealed class ParquetTable : IAsyncDisposable
{
    // DATE is a day, not midnight of some place.
    private static readonly ParquetOptions Options = new() { UseDateOnlyTypeForDates = true };

    private readonly FileStream _stream;
    private readonly ParquetReader _reader;
    private readonly Dictionary<DataField, long> _unpacked = [];
    private int _unpackedGroup = -1;

    private ParquetTable(string path, FileStream stream, ParquetReader reader)
    {
        (Path, _stream, _reader) = (path, stream, reader);
        Columns = [.. reader.Schema.DataFields.Where(column => column.MaxRepetitionLevel == 0)];
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The flat columns in the file's order.</summary>
    public IReadOnlyList<DataField> Columns { get; }

    /// <summary>Number of row groups.</summary>
    public int RowGroupCount => _reader.RowGroupCount;

    /// <summary>Key-value pairs of the footer.</summary>
    public IReadOnlyDictionary<string, string> CustomMetadata => _reader.CustomMetadata;

    /// <summary>Opens the file and checks its footer.</summary>
    /// <exception cref="WhenceException">Missing, not Parquet, or broken.</exception>
    public static async Task<ParquetTable> OpenAsync(string path, CancellationToken cancellationToken)
    {
        var handle = RegularFile.Open(path);
        FileStream? stream = null;
        try
        {
            return await GuardAsync(path, async () =>
            {
                ParquetGuard.CheckFooter(handle);
                stream = new FileStream(handle, FileAccess.Read, 1 << 12, isAsync: true);
                var reader = await ParquetReader.CreateAsync(stream, Options, cancellationToken: cancellationToken).ConfigureAwait(false);
                ParquetGuard.CheckRowGroups(reader.Metadata!, stream.Length);
                return new ParquetTable(path, stream, reader);
            }).ConfigureAwait(false);
        }
        catch
        {
            stream?.Dispose();
            handle.Dispose();
            throw;
        }
    }

    /// <summary>A column's name; inside a struct with dots, as in <c>image.bytes</c>.</summary>
    public static string NameOf(DataField column) => string.Join('.', column.Path.ToList());

    /// <summary>Whether the column's values are numbers, text, dates or truth values, which <see cref="ReadTextAsync"/> can write out.</summary>
    public static bool IsScalar(DataField column) => Type.GetTypeCode(column.ClrType) is not (TypeCode.Object or TypeCode.Empty)
        || column.ClrType == typeof(ReadOnlyMemory<char>) || column.ClrType == typeof(DateOnly) || column.ClrType == typeof(TimeOnly)
        || column.ClrType == typeof(Guid) || column.ClrType == typeof(BigInteger);

    /// <summary>Whether the column's values are plain bytes.</summary>
    public static bool IsBinary(DataField column) => column.ClrType == typeof(ReadOnlyMemory<byte>);

    /// <summary>The column of that name, or null.</summary>
    public DataField? Find(string name) => Columns.FirstOrDefault(column => NameOf(column) == name);

    /// <summary>Number of rows in a row group.</summary>
    public int RowsIn(int group) => (int)_reader.RowGroups[group].RowCount;

    /// <summary>Checks a column of a row group as far as its page headers tell, without reading its values.</summary>
    /// <exception cref="WhenceException">They do not fit the file.</exception>
    public Task CheckAsync(int group, DataField column) => GuardAsync($"{Path}: column {NameOf(column)} of row group {group}", () =>
    {
        using var rows = _reader.OpenRowGroupReader(group);
        Check(rows, group, column);
        return Task.FromResult(true);
    });

    /// <summary>A column of a row group, one entry a row, null where the file has none.</summary>
    public Task<byte[]?[]> ReadBytesAsync(int group, DataField column, CancellationToken cancellationToken) =>
        ReadAsync(group, column, raw => raw is RawColumnData<ReadOnlyMemory<byte>> bytes
            ? Spread<ReadOnlyMemory<byte>, byte[]?>(bytes, column, RowsIn(group), value => value.ToArray())
            : throw new InvalidDataException($"column {NameOf(column)} does not hold bytes"), cancellationToken);

    /// <summary>
    /// A column of a row group as text in the invariant culture, one entry a row, null where the file has none: dates in ISO 8601,
    /// truth values as <c>true</c> and <c>false</c>, numbers in the shortest form that reads back exactly, bytes as UTF-8.
    /// </summary>
    public Task<string?[]> ReadTextAsync(int group, DataField column, CancellationToken cancellationToken) =>
        ReadAsync(group, column, raw => ToText(raw, column, RowsIn(group)), cancellationToken);

    /// <summary>A column of a row group in its own type, one entry a row, null where the file has none.</summary>
    public Task<T?[]> ReadValuesAsync<T>(int group, DataField column, CancellationToken cancellationToken) where T : struct =>
        ReadAsync(group, column, raw => raw is RawColumnData<T> values
            ? Spread(values, column, RowsIn(group), value => (T?)value)
            : throw new InvalidDataException($"column {NameOf(column)} holds {column.ClrType.Name}, not {typeof(T).Name}"), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _reader.DisposeAsync().ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
    }

    private Task<T[]> ReadAsync<T>(int group, DataField column, Func<RawColumnData, T[]> convert, CancellationToken cancellationToken) =>
        GuardAsync($"{Path}: column {NameOf(column)} of row group {group}", async () =>
        {
            using var rows = _reader.OpenRowGroupReader(group);
            Check(rows, group, column);
            if (rows.RowCount == 0)
            {
                return [];
            }

            using var raw = await rows.ReadRawColumnDataBaseAsync(column, cancellationToken).ConfigureAwait(false);
            return convert(raw);
        });

    // Columns are kept side by side, so what counts is what all that were read of a row group unpack to.
    private void Check(ParquetRowGroupReader rows, int group, DataField column)
    {
        if (group != _unpackedGroup)
        {
            _unpacked.Clear();
            _unpackedGroup = group;
        }

        _unpacked[column] = ParquetGuard.CheckPages(
            _stream.SafeFileHandle,
            rows.GetMetadata(column)?.MetaData ?? throw new InvalidDataException($"row group {group} has no column {NameOf(column)}"),
            rows.RowCount);
        ParquetGuard.CheckUnpacked(_unpacked.Values.Sum(), _stream.Length);
    }

    // Without the offset of this machine's time zone, which a local time would get.
    private static string ToText(DateTime value) =>
        value.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture) + (value.Kind == DateTimeKind.Utc ? "Z" : "");

    private static string?[] ToText(RawColumnData raw, DataField column, int rows)
    {
        return raw switch
        {
            RawColumnData<ReadOnlyMemory<char>> text => Spread(text, column, rows, value => value.ToString()),
            RawColumnData<ReadOnlyMemory<byte>> utf8 => Spread(utf8, column, rows, value => Encoding.UTF8.GetString(value.Span)),
            RawColumnData<bool> truths => Spread(truths, column, rows, value => value ? "true" : "false"),
            RawColumnData<DateTime> times => Spread(times, column, rows, ToText),
            RawColumnData<DateOnly> dates => Spread(dates, column, rows, value => value.ToString("O", CultureInfo.InvariantCulture)),
            RawColumnData<TimeOnly> clocks => Spread(clocks, column, rows, value => value.ToString("O", CultureInfo.InvariantCulture)),
            RawColumnData<sbyte> values => Written(values),
            RawColumnData<byte> values => Written(values),
            RawColumnData<short> values => Written(values),
            RawColumnData<ushort> values => Written(values),
            RawColumnData<int> values => Written(values),
            RawColumnData<uint> values => Written(values),
            RawColumnData<long> values => Written(values),
            RawColumnData<ulong> values => Written(values),
            RawColumnData<float> values => Written(values),
            RawColumnData<double> values => Written(values),
            RawColumnData<decimal> values => Written(values),
            RawColumnData<BigInteger> values => Written(values),
            RawColumnData<Guid> values => Written(values),
            _ => throw new InvalidDataException($"column {NameOf(column)} holds {column.ClrType.Name}, which has no text form"),
        };

        string?[] Written<T>(RawColumnData<T> values) where T : struct, IFormattable =>
            Spread(values, column, rows, value => value.ToString(null, CultureInfo.InvariantCulture));
    }

    // The file keeps only the values that are there; a definition level below the column's own says that a row has none.
    private static TOut[] Spread<T, TOut>(RawColumnData<T> raw, DataField column, int rows, Func<T, TOut> convert) where T : struct
    {
        var result = new TOut[rows];
        var values = raw.Values;
        var next = 0;

        // Entries of a dictionary page are the same memory each time: a million rows share one copy of a long text.
        var shared = typeof(T) == typeof(ReadOnlyMemory<char>) || typeof(T) == typeof(ReadOnlyMemory<byte>) ? new Dictionary<T, TOut>() : null;
        for (var row = 0; row < rows; row++)
        {
            if (column.MaxDefinitionLevel == 0 || raw.DefinitionLevels[row] == column.MaxDefinitionLevel)
            {
                var value = values[next++];
                result[row] = shared is null ? convert(value)
                    : shared.TryGetValue(value, out var known) ? known
                    : shared[value] = convert(value);
            }
        }

        return result;
    }

    // On bytes made to harm, the library throws whatever its arrays and converters throw: all of it means a broken file.
    private static async Task<T> GuardAsync<T>(string where, Func<Task<T>> action)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (Exception error) when (error is not (WhenceException or OperationCanceledException))
        {
            throw new WhenceException(
                $"{where}: not usable Parquet: {RegularFile.OneLine(error.Message)}; download the file or write it again", error);
        }
    }
}
